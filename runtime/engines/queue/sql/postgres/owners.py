"""Owners: the rows that prove programs alive, and what those held that are not."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence

from psycopg.types.numeric import Float8, Int4, Int8

from runtime import failpoint
from runtime.engines.queue.sql.columns import micros
from runtime.engines.queue.sql.postgres.arrays import Bigints
from runtime.engines.queue.sql.postgres.columns import qualify
from runtime.engines.queue.sql.postgres.due import CHUNK
from runtime.engines.queue.sql.postgres.session import Session
from runtime.engines.queue.sql.postgres.tables import VERSION
from runtime.engines.queue.sql.postgres.tenure import Tenure
from runtime.engines.queue.tracked_queue import CANCELLED_FOR

MISSED = 2.5
"""Beats without which an owner is dead whose session is gone too. After a failover all sessions
are gone at once, and their programs come back within two beats; the half is for their jitter.
"""
MISSED_ALONE = 1.5
"""The same where its last beat was seen by a session that still lasts, ours: there was no failover
since, so the others have lost nothing. A program that only lost its connection comes back sooner.
"""

_TAKE = """
INSERT INTO $schema.runtime_owner (id, pid, backend_start, beat, every, expires, listens, version)
SELECT $1, a.pid, a.backend_start, clock_timestamp(), $2,
    clock_timestamp() + make_interval(secs => $3), $4, $5
FROM pg_stat_get_activity(pg_backend_pid()) a
RETURNING pid, backend_start::text
"""
_RENEW = """
UPDATE $schema.runtime_owner
SET beat = clock_timestamp(), expires = clock_timestamp() + make_interval(secs => $2)
WHERE id = $1
"""
# The sessions of other roles are not shown: their owners go by the lease alone.
_END_DEAD = f"""
DELETE FROM $schema.runtime_owner o WHERE o.id <> $1 AND (o.expires < clock_timestamp()
    OR o.role = current_user
    AND o.beat + make_interval(secs => o.every * CASE WHEN o.beat >
        (SELECT me.backend_start FROM pg_stat_get_activity(pg_backend_pid()) me)
        THEN {MISSED_ALONE} ELSE {MISSED} END) < clock_timestamp()
    AND NOT EXISTS (SELECT 1 FROM pg_stat_get_activity(o.pid) a
        WHERE a.backend_start = o.backend_start))
RETURNING o.id
"""
# A claim may have been committed while its owner was being ended. The owners of running messages
# are read one by one from their index, since there are few owners and many messages.
_ORPHANS = """
WITH RECURSIVE held(owner) AS (
    (SELECT owner FROM $schema.runtime_message WHERE state = 2 ORDER BY owner LIMIT 1)
    UNION ALL SELECT (SELECT m.owner FROM $schema.runtime_message m
        WHERE m.state = 2 AND m.owner > held.owner ORDER BY m.owner LIMIT 1)
    FROM held WHERE held.owner IS NOT NULL)
SELECT held.owner FROM held WHERE held.owner IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM $schema.runtime_owner o WHERE o.id = held.owner)
"""
_THEIRS = f"""
    SELECT seq FROM $schema.runtime_message WHERE state = 2 AND owner = ANY ($1::bigint[])
    LIMIT {CHUNK} FOR UPDATE SKIP LOCKED
"""
# What is to be cancelled is not delivered again; its `place` is when that was asked for.
_READY = """state = CASE WHEN cancelling THEN 5 ELSE 0 END, owner = NULL, token = token + 1,
    progress = NULL, expires = CASE WHEN cancelling THEN place + $2 END"""
_BACK = f"""
WITH back AS (
    UPDATE $schema.runtime_message SET {_READY}, {{}}
    WHERE seq = ANY (ARRAY({_THEIRS})) RETURNING queue, state),
less AS (
    INSERT INTO $schema.runtime_length
    SELECT queue, -count(*) FROM back WHERE state = 5 GROUP BY queue)
SELECT DISTINCT queue FROM back
"""
_RESCUE = _BACK.format("suspect = suspect + $3")
_GIVE_BACK = _BACK.format("attempt = attempt - 1")
_END = "DELETE FROM $schema.runtime_owner WHERE id = $1"
_PEERS = "SELECT count(*) FROM $schema.runtime_owner WHERE id <> $1 AND listens"
IS_ALIVE = b"SELECT 1 FROM pg_stat_get_activity($1) WHERE backend_start = $2::timestamptz"
_KEEP = Int8(micros(CANCELLED_FOR))


class Owners:
    """The statements about owners, each committed by itself."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._take = qualify(_TAKE, schema)
        self._renew = qualify(_RENEW, schema)
        self._end_dead = qualify(_END_DEAD, schema)
        self._orphans = qualify(_ORPHANS, schema)
        self._rescue = qualify(_RESCUE, schema)
        self._give_back = qualify(_GIVE_BACK, schema)
        self._end = qualify(_END, schema)
        self._peers = qualify(_PEERS, schema)

    async def take(
        self, session: Session, term: int, every: float, lease: float, listens: bool
    ) -> Tenure:
        """Become an owner, for `lease` seconds, which is renewed `every` so many."""
        failpoint.point("queue.lease.before_commit")
        # By chance, since a standby that was promoted may not know of the last owners.
        owner = secrets.randbits(62)
        values = (Int8(owner), Float8(every), Float8(lease), listens, Int4(VERSION))
        await session.command(b"BEGIN")
        await session.command(b"SET LOCAL synchronous_commit = on")
        ((pid, start),) = await session.query(self._take, *values)
        await session.command(b"COMMIT")
        failpoint.point("queue.lease.after_commit")
        return Tenure(owner, term, self._schema, pid, start)

    async def renew(self, session: Session, owner: int, lease: float) -> bool:
        """False if the lease was ended."""
        return await session.command(self._renew, Int8(owner), Float8(lease)) > 0

    async def end_dead(self, session: Session, owner: int) -> Sequence[int]:
        """End the leases of dead owners. Returns all whose messages must be rescued."""
        dead = await session.query(self._end_dead, Int8(owner))
        orphans = await session.query(self._orphans)
        return [*{id for (id,) in (*dead, *orphans)}]

    async def rescue(
        self, session: Session, owners: Collection[int], *, crashed: bool
    ) -> Collection[str]:
        """Make a chunk of their messages ready. Returns the queues that got some.

        If the program crashed, each of them is a suspect.
        """
        rows = await session.query(self._rescue, Bigints([*owners]), _KEEP, Int4(crashed))
        return {queue for (queue,) in rows}

    async def give_back(self, session: Session, owner: int) -> Collection[str]:
        """Make a chunk of an owner's messages ready, their attempts unspent."""
        rows = await session.query(self._give_back, Bigints([owner]), _KEEP)
        return {queue for (queue,) in rows}

    async def end(self, session: Session, owner: int) -> None:
        """End a lease."""
        await session.command(self._end, Int8(owner))

    async def peers(self, session: Session, owner: int) -> int:
        """The number of other programs that listen."""
        ((count,),) = await session.query(self._peers, Int8(owner))
        return int(count)
