"""Settling: ends what an owner holds, a whole batch with a statement for each sort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.types.numeric import Int2, Int8

from runtime import failpoint
from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.sql.columns import encode_headers, micros
from runtime.engines.queue.sql.operations import (
    Ack,
    Bury,
    Cancel,
    Done,
    Note,
    Release,
    Retry,
    Settle,
)
from runtime.engines.queue.sql.postgres.arrays import Bigints, Blobs, Integers, Texts
from runtime.engines.queue.sql.postgres.columns import NOW, delay_micros, qualify
from runtime.engines.queue.sql.postgres.session import Session
from runtime.engines.queue.sql.postgres.tenure import Tenure
from runtime.engines.queue.sql.store import State
from runtime.engines.queue.tracked_queue import CANCELLED_FOR
from runtime.service import Unavailable

# Without `state = 2`, which would send the planner to the index of all running rows, 40 times as
# slow: a row with this owner is running.
_HELD = "m.seq = t.seq AND m.token = t.token AND m.owner = $1"
_ITEMS = "unnest($2::bigint[], $3::integer[]) AS t(seq, token)"
_LESS = "INSERT INTO $schema.runtime_length SELECT queue, -count(*) FROM gone GROUP BY queue"

_ACK = f"""
WITH gone AS (
    DELETE FROM $schema.runtime_message m USING {_ITEMS} WHERE {_HELD}
    RETURNING m.seq, t.token, m.queue),
less AS ({_LESS})
SELECT seq, token FROM gone
"""
_END = f"""
WITH gone AS (
    UPDATE $schema.runtime_message m
    SET state = $6, owner = NULL, token = m.token + 1, place = {NOW}, expires = {NOW} + t.keep,
        result = t.result, progress = coalesce(t.progress, m.progress)
    FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::bytea[], $7::text[])
        AS t(seq, token, keep, result, progress)
    WHERE {_HELD} RETURNING m.seq, t.token, m.queue),
less AS ({_LESS})
SELECT seq, token FROM gone
"""
# What is to be cancelled is not delivered again.
_BACK = f"""
WITH back AS (
    UPDATE $schema.runtime_message m
    SET owner = NULL, token = m.token + 1,
        expires = CASE WHEN cancelling THEN {NOW} + {micros(CANCELLED_FOR)} END, {{}}
    WHERE {_HELD} RETURNING m.seq, t.token, m.queue, m.state),
less AS (
    INSERT INTO $schema.runtime_length
    SELECT queue, -count(*) FROM back WHERE state = 5 GROUP BY queue)
SELECT seq, token FROM back
"""
_RELEASE = _BACK.format(f"""
        state = CASE WHEN cancelling THEN 5 ELSE 0 END, attempt = attempt - 1
    FROM {_ITEMS}""")
_RETRY = _BACK.format(f"""
        state = CASE WHEN cancelling THEN 5 ELSE (t.delay > 0)::integer END, suspect = 0,
        place = {NOW} + CASE WHEN cancelling THEN 0 ELSE t.delay END,
        error = t.error, progress = NULL
    FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::text[])
        AS t(seq, token, delay, error)""")
_NOTE = f"""
UPDATE $schema.runtime_message m SET progress = t.progress
FROM unnest($2::bigint[], $3::integer[], $4::text[]) AS t(seq, token, progress)
WHERE {_HELD}
"""
_BURY = f"""
WITH dead AS (
    UPDATE $schema.runtime_message m
    SET state = CASE WHEN t.queue IS NULL THEN 3 ELSE 0 END, owner = NULL, token = m.token + 1,
        headers = t.headers, died_in = t.died_in, place = {NOW}, suspect = 0, cancelling = false,
        queue = coalesce(t.queue, m.queue),
        attempt = CASE WHEN t.queue IS NULL THEN m.attempt ELSE 0 END,
        unique_key = CASE WHEN t.queue IS NULL THEN m.unique_key END,
        progress = coalesce(t.progress, m.progress)
    FROM unnest($2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[])
        AS t(seq, token, headers, queue, died_in, progress)
    JOIN $schema.runtime_message old ON old.seq = t.seq
    WHERE {_HELD} RETURNING m.seq, t.token, old.queue AS source, t.queue AS target),
changes AS (
    INSERT INTO $schema.runtime_length
    SELECT source, -count(*) FROM dead GROUP BY source
    UNION ALL SELECT target, count(*) FROM dead WHERE target IS NOT NULL GROUP BY target)
SELECT seq, token FROM dead
"""


class Settling:
    """The batch function of settlements. Answers with None; or with NotHeld, and then nothing was
    done for that item.

    Each sort is committed by itself. A message that becomes a dead letter waits for the disk, if
    the queues are durable: an ack that a crashed server forgets is one more run, and a letter that
    it forgets could be one that was already requeued elsewhere.
    """

    def __init__(self, schema: str, *, waits: bool) -> None:
        self._ack = qualify(_ACK, schema)
        self._end = qualify(_END, schema)
        self._note = qualify(_NOTE, schema)
        self._release = qualify(_RELEASE, schema)
        self._retry = qualify(_RETRY, schema)
        self._bury = qualify(_BURY, schema)
        self._waits = waits
        self.tenure: Tenure | None = None

    async def __call__(self, session: Session, items: Sequence[Settle]) -> list[Any]:
        return await self._settle(session, items, waits=self._waits)

    async def inside(self, session: Session, item: Settle) -> Exception | None:
        """Settle in a transaction. Returns NotHeld."""
        (answer,) = await self._settle(session, [item], waits=False)
        error: Exception | None = answer
        return error

    async def note(self, session: Session, items: Sequence[Note]) -> None:
        """Keep the progress of what is held."""
        if (tenure := self.tenure) is not None:
            seqs = Bigints([item.seq for item in items])
            tokens = Integers([tenure.token(item.token) for item in items])
            texts = Texts([item.progress for item in items])
            await session.command(self._note, Int8(tenure.owner), seqs, tokens, texts)

    async def _settle(self, session: Session, items: Sequence[Settle], *, waits: bool) -> list[Any]:
        failpoint.point("queue.settle.before_commit")
        tenure = self.tenure
        if tenure is None:
            return [Unavailable("the lease was lost") for _ in items]
        # Of settlements of one message, the first one counts.
        first: dict[tuple[int, int], Settle] = {}
        marks = [(item.seq, tenure.token(item.token)) for item in items]
        for mark, item in zip(marks, items, strict=True):
            first.setdefault(mark, item)
        sorts: dict[type[Settle], list[tuple[tuple[int, int], Any]]] = {}
        for mark, item in first.items():
            sorts.setdefault(type(item), []).append((mark, item))
        held: set[tuple[int, ...]] = set()
        for sort, chosen in sorts.items():
            common = (
                Int8(tenure.owner),
                Bigints([seq for (seq, _), _ in chosen]),
                Integers([token for (_, token), _ in chosen]),
            )
            these = [item for _, item in chosen]
            held.update(await self._run(session, sort, these, common, waits))
        return [
            None
            if mark in held and first[mark] is item
            else NotHeld(f"message {item.seq} is no longer held")
            for mark, item in zip(marks, items, strict=True)
        ]

    async def _run(
        self,
        session: Session,
        sort: type[Settle],
        items: Sequence[Any],
        common: tuple[Any, ...],
        waits: bool,
    ) -> Sequence[Any]:
        if sort is Ack:
            return await session.query(self._ack, *common)
        if sort is Release:
            return await session.query(self._release, *common)
        if sort is Done or sort is Cancel:
            keep = Bigints([delay_micros(item.keep) for item in items])
            results = Blobs([item.result if sort is Done else None for item in items])
            state = Int2(State.DONE if sort is Done else State.CANCELLED)
            progress = Texts([item.progress for item in items])
            return await session.query(self._end, *common, keep, results, state, progress)
        if sort is Retry:
            delays = Bigints([delay_micros(item.delay) for item in items])
            errors = Texts([item.error and item.error.replace("\0", "?") for item in items])
            return await session.query(self._retry, *common, delays, errors)
        assert sort is Bury
        columns = (
            Texts([encode_headers(item.headers) for item in items]),
            Texts([item.to for item in items]),
            Texts([item.died_in for item in items]),
            Texts([item.progress for item in items]),
        )
        if not waits:
            return await session.query(self._bury, *common, *columns)
        await session.command(b"BEGIN")
        await session.command(b"SET LOCAL synchronous_commit = on")
        rows = await session.query(self._bury, *common, *columns)
        await session.command(b"COMMIT")
        return rows
