"""Store: the statements of the durable queues, each for a whole batch.

Every function runs inside a transaction of its caller's, on the writer's connection, and answers
each item in its order: with a result, or with an exception that is that item's alone. It raises
only for a fault of the database, and then the caller undoes the batch.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import time
from typing import Any

from runtime import failpoint
from runtime.engines.queue.driver_queue import Full, NotHeld
from runtime.engines.queue.message import NO_HEADERS, Message
from runtime.engines.queue.sql.operations import (
    Ack,
    Bury,
    Claim,
    Claimed,
    Publish,
    Release,
    Retry,
    Settle,
)
from runtime.engines.queue.sql.sqlite.tables import State

Connection = sqlite3.Connection

PRUNED = 500
"""How many old messages are forgotten in one commit."""
LATEST = 2**63 - 1
"""Microseconds since 1970: the end of what SQLite can count."""

_INSERT = """
INSERT INTO runtime_message
    (id, queue, state, priority, place, attempt, token, owner, suspect, unique_key, published,
     headers, body)
VALUES (?, ?, ?, ?, ?, 0, 0, NULL, 0, ?, ?, ?, ?)
"""
_WITH_KEY = """
SELECT id FROM runtime_message WHERE queue = ? AND unique_key = ? AND state < 3
"""
_HEAD = """
SELECT seq, suspect FROM runtime_message WHERE queue = ? AND state = 0
ORDER BY priority DESC, place, seq LIMIT ?
"""
_CLAIM = """
UPDATE runtime_message SET state = 2, owner = ?, attempt = attempt + 1, token = token + 1
WHERE seq IN (SELECT value FROM json_each(?))
RETURNING seq, id, body, headers, attempt, published, token, priority, unique_key
"""
_HELD = """
SELECT seq, token, queue FROM runtime_message
WHERE seq IN (SELECT value FROM json_each(?)) AND state = 2
"""
_FORGET = "DELETE FROM runtime_message WHERE seq IN (SELECT value FROM json_each(?))"
_DONE = """
UPDATE runtime_message SET state = 4, owner = NULL, place = ?
WHERE seq IN (SELECT value FROM json_each(?))
"""
_RETRY = """
UPDATE runtime_message SET state = ?, owner = NULL, suspect = 0, place = ? WHERE seq = ?
"""
_RELEASE = """
UPDATE runtime_message SET state = 0, owner = NULL, attempt = attempt - 1
WHERE seq IN (SELECT value FROM json_each(?))
"""
_BURY = """
UPDATE runtime_message SET state = 3, owner = NULL, headers = ?, place = ? WHERE seq = ?
"""
_MOVE = """
UPDATE runtime_message SET queue = ?, state = 0, owner = NULL, attempt = 0, suspect = 0,
    unique_key = NULL, headers = ?, place = ? WHERE seq = ?
"""
_LENGTHEN = """
INSERT INTO runtime_queue (name, length) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET length = length + excluded.length
"""


def publish(connection: Connection, items: Sequence[Publish]) -> list[Any]:
    """Answers each with the id of its message, or of the one that has its key already; or Full."""
    failpoint.point("queue.publish.before_commit")
    room: dict[str, int] = {}
    rows: list[tuple[Any, ...]] = []
    answers: list[Any] = []
    keys: dict[tuple[str, str], str] = {}
    now = _micros(time())
    for item in items:
        message, queue = item.message, item.queue
        if queue not in room:
            room[queue] = _length(connection, queue)
        key = message.unique
        if key is not None:
            known = keys.get((queue, key)) or _with_key(connection, queue, key)
            if known is not None:
                answers.append(known)
                continue
        if item.limit is not None and room[queue] >= item.limit:
            full = f"queue '{queue}' holds {room[queue]:,} messages, its max_length"
            answers.append(Full(full))
            continue
        if key is not None:
            keys[(queue, key)] = message.id
        room[queue] += 1
        state, place = (State.DELAYED, _micros(item.due)) if item.due else (State.READY, now)
        headers = written(message.headers)
        answers.append(message.id)
        rows.append(
            (message.id, queue, state, message.priority, place, key, message.published, headers,
             message.body)
        )  # fmt: skip
    connection.executemany(_INSERT, rows)
    _lengthen(connection, ((row[1], 1) for row in rows))
    return answers


def claim(connection: Connection, items: Sequence[Claim]) -> list[Any]:
    """Answers each with a Claimed."""
    failpoint.point("queue.claim.before_commit")
    return [_claim(connection, item) for item in items]


def _claim(connection: Connection, item: Claim) -> Claimed:
    head = connection.execute(_HEAD, (item.queue, item.count)).fetchall()
    innocent = next((index for index, row in enumerate(head) if row[1]), len(head))
    suspect = innocent < len(head)
    seqs = [row[0] for row in head[:innocent]]
    if suspect and innocent == 0 and item.alone:
        seqs = [head[0][0]]
    if not seqs:
        return Claimed((), suspect)
    rows = connection.execute(_CLAIM, (item.owner, json.dumps(seqs))).fetchall()
    found = {row[0]: row for row in rows}  # RETURNING keeps no order
    return Claimed([(seq, _message(found[seq])) for seq in seqs], suspect)


def settle(keep_done: bool) -> Callable[[Connection, Sequence[Settle]], list[Any]]:
    """The batch that settles; with `keep_done`, what is acked stays as DONE."""

    def batch(connection: Connection, items: Sequence[Settle]) -> list[Any]:
        """Answers each with None; or NotHeld, and then nothing of it was done."""
        failpoint.point("queue.settle.before_commit")
        now = time()
        seqs = json.dumps([item.seq for item in items])
        held = {row[0]: row for row in connection.execute(_HELD, (seqs,))}
        answers: list[Any] = []
        acked, released = [], []
        lengths: list[tuple[str, int]] = []
        for item in items:
            row = held.get(item.seq)
            if row is None or row[1] != item.token:
                answers.append(NotHeld(f"message {item.seq} is no longer held"))
                continue
            del held[item.seq]
            answers.append(None)
            match item:
                case Ack():
                    acked.append(item.seq)
                    lengths.append((row[2], -1))
                case Release():
                    released.append(item.seq)
                case Retry():
                    state = State.DELAYED if item.due > now else State.READY
                    place = _micros(max(item.due, now))
                    connection.execute(_RETRY, (state, place, item.seq))
                case Bury():
                    lengths += _bury(connection, item, row[2], now)
        if acked and keep_done:
            connection.execute(_DONE, (_micros(now), json.dumps(acked)))
        elif acked:
            connection.execute(_FORGET, (json.dumps(acked),))
        if released:
            connection.execute(_RELEASE, (json.dumps(released),))
        _lengthen(connection, lengths)
        return answers

    return batch


def _bury(connection: Connection, item: Bury, queue: str, now: float) -> Iterable[tuple[str, int]]:
    if item.to is None:
        connection.execute(_BURY, (item.headers, _micros(now), item.seq))
        return [(queue, -1)]
    connection.execute(_MOVE, (item.to, item.headers, _micros(now), item.seq))
    return [(queue, -1), (item.to, 1)]


def promote(connection: Connection, items: Sequence[float]) -> list[Any]:
    """Make ready what is due at a time.

    Answers with the queues that got something, and when the next message is due.
    """
    failpoint.point("queue.promote.before_commit")
    rows = connection.execute(
        "UPDATE runtime_message SET state = 0 WHERE state = 1 AND place <= ? RETURNING queue",
        (_micros(max(items)),),
    ).fetchall()
    promoted = {row[0] for row in rows}, next_due(connection)
    return [promoted for _ in items]


def next_due(connection: Connection) -> float | None:
    """When the next delayed message is due, in seconds since 1970."""
    row = connection.execute("SELECT min(place) FROM runtime_message WHERE state = 1").fetchone()
    return None if row[0] is None else row[0] / 1_000_000


def prune(connection: Connection, items: Sequence[float]) -> list[Any]:
    """Forget some of what was done before a time, `PRUNED` at most; answers with how many."""
    rows = connection.execute(
        "DELETE FROM runtime_message WHERE seq IN "
        "(SELECT seq FROM runtime_message WHERE state = 4 AND place < ? LIMIT ?)",
        (_micros(max(items)), PRUNED),
    )
    return [rows.rowcount for _ in items]


def counted(connection: Connection, names: Iterable[str]) -> None:
    """Set the lengths right, and make the rows of these queues."""
    for name in names:
        connection.execute(
            "INSERT OR IGNORE INTO runtime_queue (name, length) VALUES (?, 0)", (name,)
        )
    connection.execute(
        "UPDATE runtime_queue SET length = (SELECT count(*) FROM runtime_message "
        "WHERE queue = runtime_queue.name AND state < 3)"
    )


def _with_key(connection: Connection, queue: str, key: str) -> str | None:
    row = connection.execute(_WITH_KEY, (queue, key)).fetchone()
    return row[0] if row else None


def _length(connection: Connection, queue: str) -> int:
    row = connection.execute("SELECT length FROM runtime_queue WHERE name = ?", (queue,)).fetchone()
    return row[0] if row else 0


def _lengthen(connection: Connection, changes: Iterable[tuple[str, int]]) -> None:
    sums: dict[str, int] = {}
    for name, change in changes:
        sums[name] = sums.get(name, 0) + change
    connection.executemany(_LENGTHEN, [(name, change) for name, change in sums.items() if change])


def _message(row: Sequence[Any]) -> Message:
    _, id, body, headers, attempt, published, token, priority, unique = row
    return Message(id, body, parsed(headers), attempt, published, token, priority, unique)


def parsed(headers: str) -> Mapping[str, str]:
    """Headers as they were before `written`."""
    return json.loads(headers) if headers else NO_HEADERS


def written(headers: Mapping[str, str]) -> str:
    """Headers as a row keeps them."""
    return json.dumps(dict(headers), ensure_ascii=False) if headers else ""


def _micros(seconds: float) -> int:
    # What a column cannot hold, as a `retry.max_delay` without end, would end the writer.
    return min(int(seconds * 1_000_000), LATEST)
