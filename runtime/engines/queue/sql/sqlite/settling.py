"""Settling: ends what an owner holds, a whole batch at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

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
from runtime.engines.queue.sql.sqlite.statements import change_lengths, execute_in
from runtime.engines.queue.sql.store import State
from runtime.engines.queue.tracked_queue import CANCELLED_FOR

Connection = sqlite3.Connection

_HELD = """
SELECT seq, token, queue, cancelling FROM runtime_message WHERE seq IN ({}) AND state = 2
"""
_DELETE = "DELETE FROM runtime_message WHERE seq IN ({})"
_END = """
UPDATE runtime_message SET state = ?, owner = NULL, place = ?, expires = ?, result = ?,
    progress = coalesce(?, progress)
WHERE seq = ?
"""
_RETRY = """
UPDATE runtime_message
SET state = ?, owner = NULL, suspect = 0, place = ?, error = ?, progress = NULL
WHERE seq = ?
"""
_RELEASE = """
UPDATE runtime_message SET state = 0, owner = NULL, attempt = attempt - 1 WHERE seq IN ({})
"""
_BURY = """
UPDATE runtime_message
SET state = 3, owner = NULL, cancelling = 0, died_in = ?, headers = ?, place = ?,
    progress = coalesce(?, progress)
WHERE seq = ?
"""
_MOVE = """
UPDATE runtime_message SET queue = ?, state = 0, owner = NULL, attempt = 0, suspect = 0,
    unique_key = NULL, cancelling = 0, started = NULL, error = NULL, progress = NULL, died_in = ?,
    headers = ?, place = ?
WHERE seq = ?
"""
_NOTE = "UPDATE runtime_message SET progress = ? WHERE seq = ? AND token = ? AND state = 2"


class Settling:
    """The batch functions of what is held."""

    def __init__(self, time: Callable[[], float]) -> None:
        """`time` gives seconds since 1970."""
        self._time = time

    def settle(self, connection: Connection, items: Sequence[Settle]) -> list[Any]:
        """Answers with None; or with NotHeld, and then nothing was done for that item."""
        failpoint.point("queue.settle.before_commit")
        now = self._time()
        rows = execute_in(connection, _HELD, [item.seq for item in items])
        held = {row[0]: row for row in rows}
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
            if row[3] and isinstance(item, Retry | Release):
                item = Cancel(item.seq, item.token, CANCELLED_FOR)
            match item:
                case Ack():
                    acked.append(item.seq)
                    lengths.append((row[2], -1))
                case Done() | Cancel():
                    _end(connection, item, now)
                    lengths.append((row[2], -1))
                case Release():
                    released.append(item.seq)
                case Retry():
                    state = State.DELAYED if item.delay > 0 else State.READY
                    place = micros(now + max(0.0, item.delay))
                    connection.execute(_RETRY, (state, place, item.error, item.seq))
                case Bury():
                    lengths += _bury(connection, item, row[2], now)
        if acked:
            execute_in(connection, _DELETE, acked)
        if released:
            execute_in(connection, _RELEASE, released)
        change_lengths(connection, lengths)
        return answers

    def note(self, connection: Connection, items: Sequence[Sequence[Note]]) -> list[Any]:
        """Answers with None."""
        for notes in items:
            values = [(note.progress, note.seq, note.token) for note in notes]
            connection.executemany(_NOTE, values)
        return [None] * len(items)


def _end(connection: Connection, item: Done | Cancel, now: float) -> None:
    state, result = (State.DONE, item.result) if isinstance(item, Done) else (State.CANCELLED, None)
    times = micros(now), micros(now + item.keep)
    connection.execute(_END, (state, *times, result, item.progress, item.seq))


def _bury(connection: Connection, item: Bury, queue: str, now: float) -> Iterable[tuple[str, int]]:
    """Returns the changes of queues' lengths."""
    headers = encode_headers(item.headers)
    if item.to is None:
        connection.execute(_BURY, (item.died_in, headers, micros(now), item.progress, item.seq))
        return [(queue, -1)]
    connection.execute(_MOVE, (item.to, item.died_in, headers, micros(now), item.seq))
    return [(queue, -1), (item.to, 1)]
