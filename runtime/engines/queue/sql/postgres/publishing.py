"""Publishing: inserts messages, a whole batch with one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from runtime import failpoint
from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.sql.columns import encode_headers
from runtime.engines.queue.sql.operations import Publish, PublishMany
from runtime.engines.queue.sql.postgres.arrays import (
    Bigints,
    Blobs,
    Booleans,
    Doubles,
    Smallints,
    Texts,
)
from runtime.engines.queue.sql.postgres.columns import NOW, delay_micros, encode_key, qualify
from runtime.engines.queue.sql.postgres.lengths import Lengths
from runtime.engines.queue.sql.postgres.session import Session
from runtime.engines.queue.sql.store import full
from runtime.service import Unavailable

_COLUMNS = "id, queue, state, priority, place, published, headers, body"
_VALUES = f"""t.id, t.queue, (t.delay > 0)::integer, t.priority, {NOW} + t.delay, t.published,
        t.headers, t.body"""
_ARRAYS = """$1::text[], $2::text[], $3::smallint[], $4::bigint[], $5::double precision[],
        $6::text[], $7::bytea[]"""
_NAMES = "id, queue, priority, delay, published, headers, body"
_MORE = "INSERT INTO $schema.runtime_length SELECT queue, count(*) FROM new GROUP BY queue"

_PLAIN = f"""
WITH new AS (
    INSERT INTO $schema.runtime_message ({_COLUMNS})
    SELECT {_VALUES}
    FROM unnest({_ARRAYS}) AS t({_NAMES})
    RETURNING queue),
more AS ({_MORE})
SELECT count(*) FROM new
"""
_KEYED = f"""
WITH new AS (
    INSERT INTO $schema.runtime_message ({_COLUMNS}, unique_key, unfinished, died_in)
    SELECT {_VALUES}, t.key, t.unfinished, t.died_in
    FROM unnest({_ARRAYS}, $8::text[], $9::boolean[], $10::text[])
        AS t({_NAMES}, key, unfinished, died_in)
    ON CONFLICT DO NOTHING
    RETURNING id, queue),
more AS ({_MORE})
SELECT id FROM new
"""
_HOLDERS = """
SELECT (SELECT m.id FROM $schema.runtime_message m
    WHERE m.queue = t.queue AND m.unique_key = t.key AND m.unique_key IS NOT NULL
        AND m.state < 3 AND (t.unfinished OR m.state < 2)
    ORDER BY m.queue, m.unique_key, m.seq LIMIT 1)
FROM unnest($1::text[], $2::text[], $3::boolean[]) AS t(queue, key, unfinished)
"""
SLICE = 500
"""Messages that one statement inserts: the loop encodes them in a millisecond or two."""
ATTEMPTS = 3
"""Most attempts to insert a key that other programs take and leave meanwhile."""


class Publishing:
    """The batch function of publishes. Answers with the id of the message, or of the one that has
    its key; or Full.
    """

    def __init__(self, schema: str, lengths: Lengths) -> None:
        self._plain = qualify(_PLAIN, schema)
        self._keyed = qualify(_KEYED, schema)
        self._holders = qualify(_HOLDERS, schema)
        self._lengths = lengths

    async def __call__(self, session: Session, items: Sequence[Publish]) -> list[Any]:
        failpoint.point("queue.publish.before_commit")
        lengths = await self._read_lengths(session, items)
        answers: list[Any] = [None] * len(items)
        waiting: Sequence[int] = range(len(items))
        for _ in range(ATTEMPTS):
            waiting = await self._try(session, items, waiting, answers, lengths)
            if not waiting:
                break
        for index in waiting:
            answers[index] = Unavailable("its unique key goes from message to message; try again")
        return answers

    async def many(self, session: Session, item: PublishMany) -> Full | None:
        """Inside a transaction. Returns Full, and then nothing was done."""
        count = len(item.messages)
        lengths = await self._lengths.read(session, {item.queue: (count, item.limit)})
        if (length := lengths[item.queue]) + count > item.limit:
            return full(item.queue, length)
        for start in range(0, count, SLICE):
            await self(session, item.part(start, start + SLICE))
        return None

    async def holders(self, session: Session, items: Sequence[Publish]) -> list[str | None]:
        """The ids of the messages that have the keys of these, which all have one."""
        if not items:
            return []
        rows = await session.query(
            self._holders,
            Texts([item.queue for item in items]),
            Texts([encode_key(item.message.unique) for item in items]),
            Booleans([item.counts_running for item in items]),
        )
        return [row[0] for row in rows]

    async def _read_lengths(self, session: Session, items: Sequence[Publish]) -> dict[str, int]:
        more: dict[str, tuple[int, int]] = {}
        for item in items:
            if item.limit is not None:
                count, limit = more.get(item.queue, (0, item.limit))
                more[item.queue] = (count + 1, min(limit, item.limit))
        return await self._lengths.read(session, more)

    async def _try(
        self,
        session: Session,
        items: Sequence[Publish],
        waiting: Sequence[int],
        answers: list[Any],
        lengths: dict[str, int],
    ) -> Sequence[int]:
        """Publish those of these indexes. Returns the ones whose key was taken meanwhile."""
        keyed = [index for index in waiting if items[index].message.unique is not None]
        holders = await self.holders(session, [items[index] for index in keyed])
        taken = {index: id for index, id in zip(keyed, holders, strict=True) if id is not None}
        first: dict[tuple[str, str], int] = {}
        same: dict[int, int] = {}
        inserted: list[int] = []
        for index in waiting:
            item = items[index]
            message, queue = item.message, item.queue
            key = message.unique
            if key is not None:
                if index in taken:
                    answers[index] = taken[index]
                    continue
                if (queue, key) in first:
                    same[index] = first[queue, key]
                    continue
            if (length := lengths.get(queue)) is not None:
                if item.limit is not None and length >= item.limit:
                    answers[index] = full(queue, length)
                    continue
                lengths[queue] = length + 1
            if key is not None:
                first[queue, key] = index
            answers[index] = message.id
            inserted.append(index)
        lost = await self._insert(session, items, inserted)
        for index in lost:
            if (queue := items[index].queue) in lengths:
                lengths[queue] -= 1
        for index, other in same.items():
            answers[index] = answers[other]
        return [*lost, *(index for index, other in same.items() if other in lost)]

    async def _insert(
        self, session: Session, items: Sequence[Publish], indexes: Sequence[int]
    ) -> Collection[int]:
        """Returns the indexes of those that were not inserted, since their key was taken."""
        if not indexes:
            return ()
        chosen = items if len(indexes) == len(items) else [items[index] for index in indexes]
        messages = [item.message for item in chosen]
        columns = (
            Texts([message.id for message in messages]),
            Texts([item.queue for item in chosen]),
            Smallints([message.priority for message in messages]),
            Bigints([delay_micros(item.delay) for item in chosen]),
            Doubles([message.published for message in messages]),
            Texts([encode_headers(message.headers) for message in messages]),
            Blobs([message.body for message in messages]),
        )
        keys = [encode_key(message.unique) for message in messages]
        letters = [message.died_in for message in messages]
        if not any(keys) and not any(letters):
            await session.query(self._plain, *columns)
            return ()
        unfinished = Booleans([item.counts_running for item in chosen])
        rows = await session.query(self._keyed, *columns, Texts(keys), unfinished, Texts(letters))
        if len(rows) == len(indexes):
            return ()
        new = {row[0] for row in rows}
        return [index for index in indexes if items[index].message.id not in new]
