"""Letters: the statements that take dead letters back."""

from __future__ import annotations

from typing import Any

from psycopg.types.numeric import Int4, Int8

from runtime import failpoint
from runtime.engines.queue.driver_queue import NotHeld, key_taken
from runtime.engines.queue.sql.columns import encode_headers
from runtime.engines.queue.sql.operations import Drop, Publish, Requeue
from runtime.engines.queue.sql.postgres.arrays import Bigints, Texts
from runtime.engines.queue.sql.postgres.columns import NOW, encode_key, qualify
from runtime.engines.queue.sql.postgres.lengths import Lengths
from runtime.engines.queue.sql.postgres.publishing import Publishing
from runtime.engines.queue.sql.postgres.session import Row, Session
from runtime.engines.queue.sql.postgres.tenure import Tenure
from runtime.engines.queue.sql.store import State, full

_FREE = """
SELECT seq, queue, state FROM $schema.runtime_message
WHERE id = $1 AND queue = $2 AND token = $3 AND died_in IS NOT NULL AND state < 4 AND state <> 2
LIMIT 1 FOR UPDATE
"""
_HELD = """
SELECT seq, queue, state FROM $schema.runtime_message
WHERE seq = $1 AND token = $2 AND owner = $3 FOR UPDATE
"""
_REQUEUE = f"""
WITH again AS (
    UPDATE $schema.runtime_message
    SET queue = $2, state = 0, owner = NULL, attempt = 0, suspect = 0, token = token + 1,
        cancelling = false, started = NULL, error = NULL, progress = NULL,
        unique_key = $3::text, unfinished = $3::text IS NOT NULL, died_in = NULL, headers = $4,
        place = {NOW}
    WHERE seq = $1)
INSERT INTO $schema.runtime_length
SELECT t.queue, t.change FROM unnest($5::text[], $6::bigint[]) AS t(queue, change)
"""
_DROP = """
WITH gone AS (DELETE FROM $schema.runtime_message WHERE seq = $1 RETURNING queue, state)
INSERT INTO $schema.runtime_length SELECT queue, -1 FROM gone WHERE state < 3
"""


class Letters:
    """Each requeue and each drop is a transaction of its own, or part of the caller's."""

    def __init__(self, schema: str, lengths: Lengths, publishing: Publishing) -> None:
        self._free = qualify(_FREE, schema)
        self._held = qualify(_HELD, schema)
        self._requeue = qualify(_REQUEUE, schema)
        self._drop = qualify(_DROP, schema)
        self._lengths = lengths
        self._publishing = publishing
        self.tenure: Tenure | None = None

    async def requeue(self, session: Session, item: Requeue) -> Exception | None:
        """Inside a transaction. Returns NotHeld, Full or KeyTaken, and then nothing was done."""
        failpoint.point("queue.requeue.before_commit")
        again = item.again
        row = await self._lock(session, item)
        if row is None:
            return _not_there(again.id)
        seq, queue, state = row
        if again.unique is not None:
            publish = Publish(item.to, again, 0.0, None, counts_running=True)
            (holder,) = await self._publishing.holders(session, [publish])
            if holder is not None:
                return key_taken(again, holder)
        counted = int(state < State.DEAD)
        if item.to != queue or not counted:
            more = {item.to: (1, item.limit)}
            lengths = await self._lengths.read(session, more)
            if (length := lengths[item.to]) >= item.limit:
                return full(item.to, length)
            lengths[item.to] = length + 1
        key, headers = encode_key(again.unique), encode_headers(again.headers)
        queues, changes = Texts([queue, item.to]), Bigints([-counted, 1])
        await session.command(self._requeue, Int8(seq), item.to, key, headers, queues, changes)
        return None

    async def drop(self, session: Session, item: Drop) -> Exception | None:
        """Inside a transaction. Returns NotHeld."""
        failpoint.point("queue.drop.before_commit")
        rows = await session.query(self._free, item.id, item.queue, Int4(item.token))
        if not rows:
            return _not_there(item.id)
        await session.command(self._drop, Int8(rows[0][0]))
        return None

    async def _lock(self, session: Session, item: Requeue) -> Row | None:
        """The `seq`, queue and state of a letter, kept from others."""
        if item.seq is None:
            values: tuple[Any, ...] = (item.again.id, item.queue, Int4(item.token))
            rows = await session.query(self._free, *values)
        else:
            tenure = self.tenure
            if tenure is None:
                return None
            token = Int4(tenure.token(item.token))
            rows = await session.query(self._held, Int8(item.seq), token, Int8(tenure.owner))
        return rows[0] if rows else None


def _not_there(id: str) -> NotHeld:
    return NotHeld(f"dead letter '{id}' is not where it was")
