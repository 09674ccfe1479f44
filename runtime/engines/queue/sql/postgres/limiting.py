"""Limiting: claims within a rate and within partitions, one after the other over all programs."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg.types.numeric import Int8

from runtime.engines.queue.partitions import Partitions
from runtime.engines.queue.rate import Grants
from runtime.engines.queue.sql.columns import decode_headers
from runtime.engines.queue.sql.operations import Claim
from runtime.engines.queue.sql.postgres.arrays import Bigints, Smallints, Texts
from runtime.engines.queue.sql.postgres.columns import qualify
from runtime.engines.queue.sql.postgres.session import Row, Session
from runtime.engines.queue.sql.slots import MOST_PARKED, Slots
from runtime.engines.sql.postgres.errors import is_connection_useless, message
from runtime.service import Unavailable

CHUNK = 200
"""Most messages that are looked at in one statement."""
LARGE = 16_384
"""Bytes of a body that is not read along with others."""

_Waiting = tuple[int, int, int, int, str | None]
"""The number, `suspect`, priority and place of a message, and the key of its partition."""

# A statement for itself: what follows sees what was committed before the lock was given.
_LOCK = b"SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_LOOK = """
SELECT EXISTS (SELECT 1 FROM $schema.runtime_owner WHERE id = $1),
    extract(epoch FROM clock_timestamp())::double precision,
    (SELECT grants FROM $schema.runtime_rate WHERE consumer = $2)
"""
_GRANT = """
INSERT INTO $schema.runtime_rate AS r (consumer, grants) VALUES ($1, $2)
ON CONFLICT (consumer) DO UPDATE SET grants = excluded.grants
"""
_SLOTS = """
SELECT s.partition_key, s.seq, s.place, m.state, m.priority
FROM $schema.runtime_slot s LEFT JOIN $schema.runtime_message m
    ON m.seq = s.seq AND m.queue = s.queue AND (m.state = 2 OR m.state = 0 AND m.place = s.place)
WHERE s.queue = $1
"""
_FREE = """
DELETE FROM $schema.runtime_slot s USING unnest($2::text[], $3::bigint[]) AS t(key, seq)
WHERE s.queue = $1 AND s.partition_key = t.key AND s.seq = t.seq
"""
_ADD = """
INSERT INTO $schema.runtime_slot (queue, partition_key, seq, place)
SELECT $1, t.key, t.seq, t.place FROM unnest($2::text[], $3::bigint[], $4::bigint[])
    AS t(key, seq, place)
ON CONFLICT (queue, partition_key, seq) DO UPDATE SET place = excluded.place
"""
_NEXT = """
SELECT seq, priority, place FROM $schema.runtime_parked WHERE queue = $1 AND partition_key = $2
ORDER BY queue, partition_key, priority DESC, place, seq LIMIT $3
"""
_LET_IN = """
WITH gone AS (
    DELETE FROM $schema.runtime_parked WHERE seq = ANY ($2::bigint[]) RETURNING seq)
UPDATE $schema.runtime_message m SET state = 0 FROM gone
WHERE m.seq = gone.seq AND m.queue = $1 AND m.state = -1 RETURNING m.seq, m.priority, m.place
"""
_HEAD = f"""
SELECT seq, suspect, priority, place, headers,
    CASE WHEN $3 AND octet_length(body) <= {LARGE} THEN body END
FROM $schema.runtime_message WHERE queue = $1 AND state = 0
ORDER BY queue, priority DESC, place, seq LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_BODY = "SELECT body FROM $schema.runtime_message WHERE seq = $1"
_PARK = """
WITH parked AS (
    UPDATE $schema.runtime_message m SET state = -1
    FROM unnest($2::bigint[], $3::text[], $4::smallint[], $5::bigint[])
        AS t(seq, key, priority, place)
    WHERE m.seq = t.seq RETURNING t.*)
INSERT INTO $schema.runtime_parked (seq, queue, partition_key, priority, place)
SELECT seq, $1, key, priority, place FROM parked
ON CONFLICT (seq) DO UPDATE SET queue = excluded.queue, partition_key = excluded.partition_key,
    priority = excluded.priority, place = excluded.place
"""
_UNPARK = f"""
WITH gone AS (
    DELETE FROM $schema.runtime_parked WHERE seq = ANY (ARRAY(
        SELECT seq FROM $schema.runtime_parked WHERE queue = $1 LIMIT {MOST_PARKED}
        FOR UPDATE SKIP LOCKED))
    RETURNING seq),
ready AS (
    UPDATE $schema.runtime_message m SET state = 0 FROM gone
    WHERE m.seq = gone.seq AND m.queue = $1 AND m.state = -1 RETURNING 1)
SELECT count(*) FROM gone
"""


class Limiting:
    """A claim is a transaction that holds a lock of its queue. It lasts for some ten statements; if
    its program stops in the middle, the server ends it after a while.
    """

    def __init__(self, schema: str, claim_these: bytes) -> None:
        """`claim_these` claims the messages of some numbers."""
        self._schema = schema
        self._look = qualify(_LOOK, schema)
        self._grant = qualify(_GRANT, schema)
        self._slots = qualify(_SLOTS, schema)
        self._free = qualify(_FREE, schema)
        self._add = qualify(_ADD, schema)
        self._next = qualify(_NEXT, schema)
        self._let_in = qualify(_LET_IN, schema)
        self._head = qualify(_HEAD, schema)
        self._body = qualify(_BODY, schema)
        self._park = qualify(_PARK, schema)
        self._unpark = qualify(_UNPARK, schema)
        self._claim_these = claim_these
        self._per_key: dict[str, int] = {}
        """Of the latest claim from each queue."""

    async def claim(
        self, session: Session, item: Claim, owner: Int8
    ) -> tuple[list[Row], bool, float | None] | Unavailable:
        """The rows, whether a suspect comes next, and the `wait` of a Claimed."""
        try:
            await session.command(b"BEGIN")
            await session.query(_LOCK, f"{self._schema} claims {item.queue}")
            answer = await self._claim(session, item, owner)
            await session.command(b"COMMIT")
        except psycopg.Error as error:  # an answer to this claim: those before it are committed
            if is_connection_useless(error):
                raise
            await session.command(b"ROLLBACK")
            return Unavailable(message(error))
        return answer

    async def unpark(self, session: Session, queue: str) -> int:
        """Make some parked messages ready. Returns how many."""
        ((count,),) = await session.query(self._unpark, queue)
        return int(count)

    async def _claim(
        self, session: Session, item: Claim, owner: Int8
    ) -> tuple[list[Row], bool, float | None] | Unavailable:
        assert item.limits is not None
        rate, consumer, count = item.limits.rate, item.limits.consumer, item.count
        ((is_alive, now, text),) = await session.query(self._look, owner, consumer)
        if not is_alive:
            return Unavailable("the lease expired")
        grants = Grants.decode(text)
        if rate is not None:
            count = min(count, grants.allowed(rate, now))
            if not count:
                if grants.corrected:
                    await session.command(self._grant, consumer, grants.encode())
                return [], False, grants.wait(rate, now)
        rows, suspect, wait = await self._pick(session, item, owner, count)
        if rate is not None and rows:
            grants.take(rate, now, len(rows))
            await session.command(self._grant, consumer, grants.encode())
            if len(rows) == count:
                wait = grants.wait(rate, now)
        return rows, suspect, wait

    async def _pick(
        self, session: Session, item: Claim, owner: Int8, count: int
    ) -> tuple[list[Row], bool, float | None]:
        """Claim what comes first of what may run."""
        assert item.limits is not None
        queue, partitions = item.queue, item.limits.partitions
        slots, has_more = None, False
        if partitions is not None:
            slots = Slots(partitions.per_key, await session.query(self._slots, queue))
            has_more = await self._let_parked_in(session, queue, slots)
        claimed: list[Row] = []
        parked, suspect = 0, False
        while len(claimed) < count and not suspect:
            if parked >= MOST_PARKED:
                has_more = True
                break
            left = count - len(claimed)
            size = CHUNK if slots is not None else min(CHUNK, left)
            head = await self._read(session, queue, size, partitions)
            taken, passed, suspect = _choose(head, slots, left, alone=item.alone and not claimed)
            if passed:
                parked += len(passed)
                await self._put_aside(session, queue, passed)
            if taken:
                claimed += await session.query(self._claim_these, Bigints(taken), owner)
            if len(head) < size:
                break
        if slots is not None:
            await self._store(session, queue, slots)
        return claimed, suspect, 0.0 if has_more and not suspect else None

    async def _read(
        self, session: Session, queue: str, size: int, partitions: Partitions | None
    ) -> list[_Waiting]:
        """The first messages that are ready, with the keys of their partitions."""
        with_body = partitions is not None and partitions.by_body
        head = await session.query(self._head, queue, Int8(size), with_body)
        waiting = []
        for seq, suspect, priority, place, headers, body in head:
            key = None
            if partitions is not None:
                if with_body and body is None:
                    ((body,),) = await session.query(self._body, Int8(seq))
                key = partitions.key(body or b"", decode_headers(headers))
            waiting.append((seq, suspect, priority, place, key))
        return waiting

    async def _let_parked_in(self, session: Session, queue: str, slots: Slots) -> bool:
        """Make the first parked messages ready of partitions that have room again. Returns True if
        that was too much for one claim.
        """
        looked_at = 0
        for key in slots.to_refill(self._per_key.get(queue)):
            while (room := slots.room(key)) > 0:
                parked = await session.query(self._next, queue, key, Int8(room))
                chosen = slots.first(key, parked)
                if not chosen:
                    break
                rows = await session.query(self._let_in, queue, Bigints(chosen))
                for row in rows:
                    slots.make_ready(key, *row)
                looked_at += len(chosen)
                if len(rows) == len(chosen):
                    break
                if looked_at >= MOST_PARKED:  # many were deleted since they were parked
                    slots.keep(key)
                    break
        if looked_at < MOST_PARKED:
            self._per_key[queue] = slots.per_key
        return looked_at >= MOST_PARKED

    async def _put_aside(self, session: Session, queue: str, passed: Sequence[_Waiting]) -> None:
        seqs, _, priorities, places, keys = zip(*passed, strict=True)
        columns = (Bigints(seqs), Texts(keys), Smallints(priorities), Bigints(places))
        await session.command(self._park, queue, *columns)

    async def _store(self, session: Session, queue: str, slots: Slots) -> None:
        if slots.stale:
            keys, seqs = zip(*slots.stale, strict=True)
            await session.command(self._free, queue, Texts(keys), Bigints(seqs))
        if slots.added:
            keys, seqs, places = zip(*slots.added, strict=True)
            await session.command(self._add, queue, Texts(keys), Bigints(seqs), Bigints(places))


def _choose(
    head: Sequence[_Waiting], slots: Slots | None, count: int, *, alone: bool
) -> tuple[list[int], list[_Waiting], bool]:
    """The numbers of messages to claim, those to park, and whether a suspect comes next."""
    taken: list[int] = []
    passed: list[_Waiting] = []
    for waiting in head:
        seq, is_suspect, _, place, key = waiting
        if slots is not None and key is not None and not slots.run(key, seq, place):
            passed.append(waiting)
        elif is_suspect:
            return ([seq] if alone and not taken else taken), passed, True
        else:
            taken.append(seq)
            if len(taken) == count:
                break
    return taken, passed, False
