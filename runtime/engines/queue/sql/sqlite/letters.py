"""Letters: the statements that take dead letters back, each for a whole batch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from runtime import failpoint
from runtime.engines.queue.driver_queue import NotHeld, key_taken
from runtime.engines.queue.sql.columns import encode_headers, micros
from runtime.engines.queue.sql.operations import Drop, Requeue
from runtime.engines.queue.sql.sqlite.statements import change_lengths, id_of_key, length_of
from runtime.engines.queue.sql.store import State, full

Connection = sqlite3.Connection
_Letter = tuple[int, str, int]
"""The `seq`, queue and state of a letter."""

_HELD = "SELECT seq, queue, state FROM runtime_message WHERE seq = ? AND token = ? AND state = 2"
_FREE = """
SELECT seq, queue, state FROM runtime_message
WHERE id = ? AND queue = ? AND token = ? AND died_in IS NOT NULL AND state < 4 AND state <> 2
LIMIT 1
"""
_REQUEUE = """
UPDATE runtime_message SET queue = ?, state = 0, owner = NULL, attempt = 0, suspect = 0,
    cancelling = 0, started = NULL, error = NULL, progress = NULL, unique_key = ?, died_in = NULL,
    headers = ?, place = ?
WHERE seq = ?
"""
_DROP = "DELETE FROM runtime_message WHERE seq = ?"


class Letters:
    """The batch functions for dead letters."""

    def __init__(self, time: Callable[[], float]) -> None:
        """`time` gives seconds since 1970."""
        self._time = time

    def requeue(self, connection: Connection, items: Sequence[Requeue]) -> list[Any]:
        """Answers with None; or with NotHeld, Full or KeyTaken, and then the letter stays."""
        failpoint.point("queue.requeue.before_commit")
        return [self._requeue(connection, item) for item in items]

    def drop(self, connection: Connection, items: Sequence[Drop]) -> list[Any]:
        """Answers with None, or with NotHeld."""
        failpoint.point("queue.drop.before_commit")
        answers: list[Any] = []
        for item in items:
            letter = _free(connection, item.id, item.queue, item.token)
            if letter is None:
                answers.append(_not_there(item.id))
                continue
            seq, queue, state = letter
            connection.execute(_DROP, (seq,))
            change_lengths(connection, [(queue, -_counted(state))])
            answers.append(None)
        return answers

    def _requeue(self, connection: Connection, item: Requeue) -> Exception | None:
        again = item.again
        if item.seq is None:
            letter = _free(connection, again.id, item.queue, item.token)
        else:
            letter = connection.execute(_HELD, (item.seq, item.token)).fetchone()
        if letter is None:
            return _not_there(again.id)
        key = again.unique
        if key is not None and (holder := id_of_key(connection, item.to, key, True)) is not None:
            return key_taken(again, holder)
        seq, queue, state = letter
        changes = [(queue, -_counted(state)), (item.to, 1)]
        length = length_of(connection, item.to)
        if sum(change for name, change in changes if name == item.to) and length >= item.limit:
            return full(item.to, length)
        values = (item.to, key, encode_headers(again.headers), micros(self._time()), seq)
        connection.execute(_REQUEUE, values)
        change_lengths(connection, changes)
        return None


def _free(connection: Connection, id: str, queue: str, token: int) -> _Letter | None:
    """The letter of that id, if it is neither in flight nor another delivery by now."""
    row: _Letter | None = connection.execute(_FREE, (id, queue, token)).fetchone()
    return row


def _counted(state: int) -> int:
    """1 for a state that `max_length` counts, else 0."""
    return int(state < State.DEAD)


def _not_there(id: str) -> NotHeld:
    return NotHeld(f"dead letter '{id}' is not where it was")
