"""Limiting: claims within a rate and within partitions. The writer does one claim after the other,
so that those of several programs cannot exceed a limit together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from runtime import failpoint
from runtime.engines.queue.partitions import Partitions
from runtime.engines.queue.rate import Grants
from runtime.engines.queue.sql.columns import decode_headers, micros
from runtime.engines.queue.sql.operations import Claim, Claimed
from runtime.engines.queue.sql.slots import MOST_PARKED, Slots
from runtime.engines.queue.sql.sqlite.statements import (
    CLAIM,
    OWNER,
    claim_head,
    execute_in,
    message_of,
)
from runtime.service import Unavailable

Connection = sqlite3.Connection
Row = tuple[Any, ...]

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of bodies that one claim reads for the keys of their partitions."""

_GRANTS = "SELECT grants FROM runtime_rate WHERE consumer = ?"
_GRANT = "INSERT OR REPLACE INTO runtime_rate (consumer, grants) VALUES (?, ?)"
_HEAD = """
SELECT seq, suspect, id, body, headers, attempt + 1, published, token + 1, priority, unique_key,
    place
FROM runtime_message WHERE queue = ? AND state = 0 ORDER BY priority DESC, place, seq
"""
_SLOTS = """
SELECT s.partition_key, s.seq, s.place, m.state, m.priority
FROM runtime_slot s LEFT JOIN runtime_message m
    ON m.seq = s.seq AND m.queue = s.queue AND (m.state = 2 OR m.state = 0 AND m.place = s.place)
WHERE s.queue = ?
"""
_FREE = "DELETE FROM runtime_slot WHERE queue = ? AND partition_key = ? AND seq = ?"
_ADD = "INSERT OR REPLACE INTO runtime_slot (queue, partition_key, seq, place) VALUES (?, ?, ?, ?)"
_NEXT = """
SELECT seq, priority, place FROM runtime_parked WHERE queue = ? AND partition_key = ?
ORDER BY priority DESC, place, seq LIMIT ?
"""
_LEAVE = "DELETE FROM runtime_parked WHERE seq IN ({})"
_READY = "UPDATE runtime_message SET state = 0 WHERE seq = ? AND state = -1 AND queue = ?"
_PARK = "UPDATE runtime_message SET state = -1 WHERE seq IN ({})"
_PARKED = """
INSERT OR REPLACE INTO runtime_parked (seq, queue, partition_key, priority, place)
VALUES (?, ?, ?, ?, ?)
"""
_ANY = "SELECT seq FROM runtime_parked WHERE queue = ? LIMIT ?"


class Limiting:
    """The batch functions of claims within limits."""

    def __init__(self, time: Callable[[], float]) -> None:
        """`time` gives seconds since 1970."""
        self._time = time
        self._per_key: dict[str, int] = {}
        """Of the latest claim from each queue."""

    def claim(self, connection: Connection, items: Sequence[Claim]) -> list[Any]:
        """Answers with a Claimed; or with Unavailable for an owner whose lease was ended."""
        failpoint.point("queue.claim.before_commit")
        return [self._claim(connection, item) for item in items]

    def unpark(self, connection: Connection, items: Sequence[str]) -> list[Any]:
        """Answers with the number of messages that are ready again."""
        return [_unpark(connection, queue) for queue in items]

    def _claim(self, connection: Connection, item: Claim) -> Claimed | Unavailable:
        assert item.limits is not None
        rate, partitions = item.limits.rate, item.limits.partitions
        count, grants, now = item.count, Grants(), self._time()
        if rate is not None:
            row = connection.execute(_GRANTS, (item.limits.consumer,)).fetchone()
            grants = Grants.decode(row and row[0])
            count = min(count, grants.allowed(rate, now))
            if not count:
                if grants.corrected:
                    connection.execute(_GRANT, (item.limits.consumer, grants.encode()))
                return Claimed((), False, grants.wait(rate, now))
        if partitions is None:
            claimed = claim_head(connection, replace(item, count=count), micros(now))
        else:
            claimed = self._claim_from_partitions(connection, item, count, partitions)
        if rate is None or isinstance(claimed, Unavailable) or not claimed.messages:
            return claimed
        begun = len(claimed.messages)
        grants.take(rate, now, begun)
        connection.execute(_GRANT, (item.limits.consumer, grants.encode()))
        wait = grants.wait(rate, now) if begun == count else claimed.wait
        return Claimed(claimed.messages, claimed.suspect, wait)

    def _claim_from_partitions(
        self, connection: Connection, item: Claim, count: int, partitions: Partitions
    ) -> Claimed | Unavailable:
        queue = item.queue
        if connection.execute(OWNER, (item.owner,)).fetchone() is None:
            return Unavailable("the lease expired")
        slots = Slots(partitions.per_key, connection.execute(_SLOTS, (queue,)))
        has_more = _let_in(connection, queue, slots, self._per_key.get(queue))
        if not has_more:
            self._per_key[queue] = partitions.per_key
        taken: list[Row] = []
        parked: list[tuple[int, str, str, int, int]] = []
        suspect, size = False, 0
        head = connection.execute(_HEAD, (queue,))
        for row in head:
            seq, is_suspect, _, body, headers, _, _, _, priority, _, place = row
            key = partitions.key(body, decode_headers(headers))
            size += len(body)
            if key is not None and not slots.run(key, seq, place):
                parked.append((seq, queue, key, priority, place))
            elif is_suspect:
                suspect = True
                if item.alone and not taken:
                    taken.append(row)
                break
            else:
                taken.append(row)
                if len(taken) == count:
                    break
            if len(parked) == MOST_PARKED or size > MOST_BYTES:
                has_more = True
                break
        head.close()
        if parked:
            execute_in(connection, _PARK, [seq for seq, *_ in parked])
            connection.executemany(_PARKED, parked)
        if taken:
            execute_in(
                connection, CLAIM, [row[0] for row in taken], item.owner, micros(self._time())
            )
        connection.executemany(_FREE, [(queue, *slot) for slot in slots.stale])
        connection.executemany(_ADD, [(queue, *slot) for slot in slots.added])
        messages = [(row[0], message_of(row)) for row in taken]
        return Claimed(messages, suspect, 0.0 if has_more and not suspect else None)


def _let_in(connection: Connection, queue: str, slots: Slots, known_per_key: int | None) -> bool:
    """Make the first parked messages ready of partitions that have room again. Returns True if that
    was too much for one claim.
    """
    looked_at = 0
    for key in slots.to_refill(known_per_key):
        while (room := slots.room(key)) > 0:
            rows = connection.execute(_NEXT, (queue, key, room)).fetchall()
            chosen = slots.first(key, rows)
            execute_in(connection, _LEAVE, chosen)
            was_there = True
            for seq, priority, place in rows:
                if seq in chosen and connection.execute(_READY, (seq, queue)).rowcount:
                    slots.make_ready(key, seq, priority, place)
                elif seq in chosen:
                    was_there = False
            looked_at += len(chosen)
            if was_there:
                break
            if looked_at >= MOST_PARKED:  # many were deleted since they were parked
                slots.keep(key)
                break
    return looked_at >= MOST_PARKED


def _unpark(connection: Connection, queue: str) -> int:
    rows = connection.execute(_ANY, (queue, MOST_PARKED)).fetchall()
    for (seq,) in rows:
        connection.execute(_READY, (seq, queue))
    if rows:
        execute_in(connection, _LEAVE, [seq for (seq,) in rows])
    return len(rows)
