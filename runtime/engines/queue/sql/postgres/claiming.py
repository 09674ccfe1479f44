"""Claiming: gives messages to an owner, in the order of priority, age and `seq`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.types.numeric import Int8

from runtime import failpoint
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.columns import decode_headers
from runtime.engines.queue.sql.operations import Claim, Claimed
from runtime.engines.queue.sql.postgres.arrays import Bigints
from runtime.engines.queue.sql.postgres.columns import NOW, decode_key, qualify
from runtime.engines.queue.sql.postgres.limiting import Limiting
from runtime.engines.queue.sql.postgres.session import Row, Session
from runtime.engines.queue.sql.postgres.tenure import Tenure
from runtime.service import Unavailable

_COLUMNS = (
    "m.seq, m.id, m.body, m.headers, m.attempt, m.published, m.token, m.priority, m.unique_key, "
    "m.place"
)
_SET = f"state = 2, owner = $2, attempt = attempt + 1, token = token + 1, started = {NOW}"
# `IN (SELECT … LIMIT)` may run the inner query once for each row and claim more.
CLAIM = f"""
UPDATE $schema.runtime_message m SET {_SET}
WHERE m.seq = ANY (ARRAY(
    SELECT seq FROM $schema.runtime_message WHERE queue = $1 AND state = 0
        AND EXISTS (SELECT 1 FROM $schema.runtime_owner WHERE id = $2)
        AND NOT EXISTS (SELECT 1 FROM $schema.runtime_message
            WHERE queue = $1 AND state = 0 AND suspect > 0)
    ORDER BY queue, priority DESC, place, seq LIMIT $3 FOR UPDATE SKIP LOCKED))
RETURNING {_COLUMNS}
"""
_NOTHING = """
SELECT EXISTS (SELECT 1 FROM $schema.runtime_owner WHERE id = $2),
    EXISTS (SELECT 1 FROM $schema.runtime_message
        WHERE queue = $1 AND state = 0 AND suspect > 0)
"""
_HEAD = """
SELECT seq, suspect FROM $schema.runtime_message WHERE queue = $1 AND state = 0
ORDER BY queue, priority DESC, place, seq LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_CLAIM_THESE = f"""
UPDATE $schema.runtime_message m SET {_SET}
WHERE m.seq = ANY ($1::bigint[]) RETURNING {_COLUMNS}
"""


class Claiming:
    """The batch function of claims. Answers with a Claimed, or Unavailable for an owner that ended.

    The usual claim is one statement, which takes nothing while a suspect waits; then a transaction
    looks at the head of the queue, and claims what comes before the suspect, or it alone.
    """

    def __init__(self, schema: str) -> None:
        self._claim = qualify(CLAIM, schema)
        self._nothing = qualify(_NOTHING, schema)
        self._head = qualify(_HEAD, schema)
        self._claim_these = qualify(_CLAIM_THESE, schema)
        self._limiting = Limiting(schema, self._claim_these)
        self.unpark = self._limiting.unpark
        self.tenure: Tenure | None = None

    async def __call__(self, session: Session, items: Sequence[Claim]) -> list[Any]:
        failpoint.point("queue.claim.before_commit")
        return [await self._one(session, item) for item in items]

    async def _one(self, session: Session, item: Claim) -> Claimed | Unavailable:
        tenure = self.tenure
        if tenure is None or tenure.owner != item.owner:
            return Unavailable("the lease expired")
        owner = Int8(tenure.owner)
        if item.limits is not None:
            return await self._within_limits(session, item, tenure)
        rows = await session.query(self._claim, item.queue, owner, Int8(item.count))
        if rows:
            rows.sort(key=_order)  # RETURNING keeps none
            return Claimed([_held(row, tenure) for row in rows], False)
        ((is_alive, suspect),) = await session.query(self._nothing, item.queue, owner)
        if not is_alive:
            return Unavailable("the lease expired")
        return await self._carefully(session, item, tenure) if suspect else Claimed((), False)

    async def _within_limits(
        self, session: Session, item: Claim, tenure: Tenure
    ) -> Claimed | Unavailable:
        answer = await self._limiting.claim(session, item, Int8(tenure.owner))
        if isinstance(answer, Unavailable):
            return answer
        rows, suspect, wait = answer
        rows.sort(key=_order)
        return Claimed([_held(row, tenure) for row in rows], suspect, wait)

    async def _carefully(self, session: Session, item: Claim, tenure: Tenure) -> Claimed:
        await session.command(b"BEGIN")
        head = await session.query(self._head, item.queue, Int8(item.count))
        unsuspicious = next((index for index, row in enumerate(head) if row[1]), len(head))
        suspect = unsuspicious < len(head)
        seqs = [row[0] for row in head[:unsuspicious]]
        if suspect and unsuspicious == 0 and item.alone:
            seqs = [head[0][0]]
        rows: list[Row] = []
        if seqs:
            owner = Int8(tenure.owner)
            rows = await session.query(self._claim_these, Bigints(seqs), owner)
        await session.command(b"COMMIT")
        rows.sort(key=_order)
        return Claimed([_held(row, tenure) for row in rows], suspect)


def _order(row: Row) -> tuple[int, int, int]:
    return -row[7], row[9], row[0]


def _held(row: Row, tenure: Tenure) -> tuple[int, Message]:
    values: Any = row
    seq, id, body, headers, attempt, published, token, priority, key, _ = values
    headers = decode_headers(headers)
    token = tenure.mark(token)
    return seq, Message(id, body, headers, attempt, published, token, priority, decode_key(key))
