"""Statements: the work of the durable queues on a connection, each for a whole batch.

Every batch function runs inside a transaction of its caller, on the writer's connection, and
answers each item in its order: with a result, or with an exception that is that item's alone. It
raises only for an error of the database, and then the caller rolls the batch back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any

from runtime import failpoint
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.columns import decode_headers, encode_headers, micros, seconds_until
from runtime.engines.queue.sql.operations import (
    Claim,
    Claimed,
    Promoted,
    Prune,
    Publish,
)
from runtime.engines.queue.sql.store import State, full
from runtime.service import Unavailable

Connection = sqlite3.Connection

_INSERT = """
INSERT INTO runtime_message
    (id, queue, state, priority, place, attempt, token, owner, suspect, unique_key, published,
     headers, body, died_in)
VALUES """
_ROW = "(?, ?, ?, ?, ?, 0, 0, NULL, 0, ?, ?, ?, ?, ?)"
_INSERTS = [(rows, _INSERT + ", ".join([_ROW] * rows)) for rows in (16, 4, 1)]
"""By rows, most first: a statement opens the indexes once, which is half of the cost of a row."""
_WITH_KEY = """
SELECT id FROM runtime_message WHERE queue = ? AND unique_key = ? AND state < 3 ORDER BY seq LIMIT 1
"""
_WAITING_WITH_KEY = """
SELECT id FROM runtime_message WHERE queue = ? AND unique_key = ? AND state < 3 AND state < 2
ORDER BY seq LIMIT 1
"""
OWNER = "SELECT 1 FROM runtime_owner WHERE id = ?"
HEAD = """
SELECT seq, suspect, id, body, headers, attempt + 1, published, token + 1, priority, unique_key
FROM runtime_message
WHERE queue = ? AND state = 0 AND EXISTS (SELECT 1 FROM runtime_owner WHERE id = ?)
ORDER BY priority DESC, place, seq LIMIT ?
"""
# Two statements: RETURNING keeps no order, and costs as much as the update itself.
CLAIM = """
UPDATE runtime_message
SET state = 2, owner = ?, attempt = attempt + 1, token = token + 1, started = ?
WHERE seq IN ({})
"""
_PRUNE = """
DELETE FROM runtime_message WHERE seq IN
    (SELECT seq FROM runtime_message WHERE expires IS NOT NULL AND expires <= ? LIMIT ?)
"""
_CHANGE_LENGTH = "UPDATE runtime_queue SET length = length + ? WHERE name = ?"
_FIRST_LENGTH = "INSERT INTO runtime_queue (length, name) VALUES (?, ?)"
_FEW = 16  # up to so many numbers are parameters each, and more one of JSON


class Statements:
    """The batch functions of one driver."""

    def __init__(self, time: Callable[[], float]) -> None:
        """`time` gives seconds since 1970."""
        self._time = time

    def publish(self, connection: Connection, items: Sequence[Publish]) -> list[Any]:
        """Answers with the id of the message, or of the one that has its key; or Full."""
        failpoint.point("queue.publish.before_commit")
        lengths: dict[str, int] = {}
        rows: list[tuple[Any, ...]] = []
        answers: list[Any] = []
        keys: dict[tuple[str, str], str] = {}
        time = self._time()
        now = micros(time)
        for item in items:
            message, queue = item.message, item.queue
            if queue not in lengths:
                lengths[queue] = length_of(connection, queue)
            key = message.unique
            if key is not None:
                existing = keys.get((queue, key)) or id_of_key(
                    connection, queue, key, item.counts_running
                )
                if existing is not None:
                    answers.append(existing)
                    continue
            if item.limit is not None and lengths[queue] >= item.limit:
                answers.append(full(queue, lengths[queue]))
                continue
            if key is not None:
                keys[(queue, key)] = message.id
            lengths[queue] += 1
            state, place = State.READY, now
            if item.delay > 0:
                state, place = State.DELAYED, micros(time + item.delay)
            headers = encode_headers(message.headers)
            answers.append(message.id)
            rows.append(
                (message.id, queue, state, message.priority, place, key, message.published, headers,
                 message.body, message.died_in)
            )  # fmt: skip
        _insert(connection, rows)
        change_lengths(connection, ((row[1], 1) for row in rows))
        return answers

    def claim(self, connection: Connection, items: Sequence[Claim]) -> list[Any]:
        """Answers with a Claimed; or with Unavailable for an owner whose lease was ended, since
        nobody would release what is held under it.
        """
        failpoint.point("queue.claim.before_commit")
        now = micros(self._time())
        return [claim_head(connection, item, now) for item in items]

    def promote(self, connection: Connection, items: Sequence[None]) -> list[Any]:
        """Answers with a Promoted."""
        failpoint.point("queue.promote.before_commit")
        now = self._time()
        rows = connection.execute(
            "UPDATE runtime_message SET state = 0 WHERE state = 1 AND place <= ? RETURNING queue",
            (micros(now),),
        ).fetchall()
        due = next_due(connection)
        due_in = None if due is None else seconds_until(due, now)
        return [Promoted({row[0] for row in rows}, due_in) for _ in items]

    def prune(self, connection: Connection, items: Sequence[Prune]) -> list[Any]:
        """Answers with the number of deleted messages."""
        now = self._time()
        return [connection.execute(_PRUNE, (micros(now), item.limit)).rowcount for item in items]


def next_due(connection: Connection) -> float | None:
    """The time when the next delayed message is due, in seconds since 1970."""
    row = connection.execute("SELECT min(place) FROM runtime_message WHERE state = 1").fetchone()
    return None if row[0] is None else row[0] / 1_000_000


def recount(connection: Connection, names: Iterable[str]) -> None:
    """Correct the lengths of all queues, and insert rows for these queues."""
    for name in names:
        connection.execute(
            "INSERT OR IGNORE INTO runtime_queue (name, length) VALUES (?, 0)", (name,)
        )
    connection.execute(
        "UPDATE runtime_queue SET length = (SELECT count(*) FROM runtime_message "
        "WHERE queue = runtime_queue.name AND state < 3)"
    )


def _insert(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    at = 0
    for size, statement in _INSERTS:
        while len(rows) - at >= size:
            connection.execute(statement, [*chain.from_iterable(rows[at : at + size])])
            at += size


def claim_head(connection: Connection, item: Claim, now: int) -> Claimed | Unavailable:
    """Claim what comes first, whatever it is; `now` in microseconds since 1970."""
    head = connection.execute(HEAD, (item.queue, item.owner, item.count)).fetchall()
    if not head and connection.execute(OWNER, (item.owner,)).fetchone() is None:
        return Unavailable("the lease expired")
    unsuspicious = next((index for index, row in enumerate(head) if row[1]), len(head))
    suspect = unsuspicious < len(head)
    if suspect:
        head = head[: unsuspicious or int(item.alone)]
    if head:
        execute_in(connection, CLAIM, [row[0] for row in head], item.owner, now)
    return Claimed([(row[0], message_of(row)) for row in head], suspect)


def execute_in(
    connection: Connection, statement: str, seqs: Sequence[int], *before: int
) -> sqlite3.Cursor:
    """Execute a statement whose `{}` stands for these numbers, after other parameters."""
    count = len(seqs)
    if count <= _FEW:
        return connection.execute(_with_few(statement, count), (*before, *seqs))
    return connection.execute(_with_many(statement), (*before, json.dumps(seqs)))


@cache
def _with_few(statement: str, count: int) -> str:
    return statement.format(", ".join("?" * count))


@cache
def _with_many(statement: str) -> str:
    return statement.format("SELECT value FROM json_each(?)")


def id_of_key(connection: Connection, queue: str, key: str, counts_running: bool) -> str | None:
    """The id of the message that has a unique key, if there is one."""
    statement = _WITH_KEY if counts_running else _WAITING_WITH_KEY
    row = connection.execute(statement, (queue, key)).fetchone()
    return row[0] if row else None


def length_of(connection: Connection, queue: str) -> int:
    """The messages that `max_length` of a queue bounds."""
    row = connection.execute("SELECT length FROM runtime_queue WHERE name = ?", (queue,)).fetchone()
    return row[0] if row else 0


def change_lengths(connection: Connection, changes: Iterable[tuple[str, int]]) -> None:
    """Add these numbers to the lengths of queues."""
    sums: dict[str, int] = {}
    for name, change in changes:
        sums[name] = sums.get(name, 0) + change
    for name, change in sums.items():
        if change and not connection.execute(_CHANGE_LENGTH, (change, name)).rowcount:
            connection.execute(_FIRST_LENGTH, (change, name))


def message_of(row: Sequence[Any]) -> Message:
    """The message of a row as HEAD reads it."""
    _, _, id, body, headers, attempt, published, token, priority, unique, *_ = row
    return Message(id, body, decode_headers(headers), attempt, published, token, priority, unique)
