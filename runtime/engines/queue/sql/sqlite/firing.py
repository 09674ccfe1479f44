"""Firing: publishes a message for a planned time, once for all programs that try."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from runtime.engines.queue.sql.columns import micros
from runtime.engines.queue.sql.operations import FIRED_FOR, Fire
from runtime.engines.queue.sql.sqlite.statements import Statements

_FIRED = "SELECT 1 FROM runtime_fired WHERE schedule = ? AND at = ?"
LAST_FIRED = "SELECT max(at) AS at FROM runtime_fired WHERE schedule = ?"
_FIRE = "INSERT INTO runtime_fired (schedule, at) VALUES (?, ?)"
_FORGET = "DELETE FROM runtime_fired WHERE schedule = ? AND at < ?"


class Firing:
    """The batch function of planned times."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def fire(self, connection: sqlite3.Connection, items: Sequence[Fire]) -> list[Any]:
        """Answers with the id of the message; with None if it was published before; or with Full,
        and then nothing was done.
        """
        return [self._fire(connection, item) for item in items]

    def _fire(self, connection: sqlite3.Connection, item: Fire) -> Any:
        key = (item.schedule, micros(item.at))
        if connection.execute(_FIRED, key).fetchone():
            return None
        (answer,) = self._statements.publish(connection, [item.publish])
        if not isinstance(answer, Exception):
            connection.execute(_FIRE, key)
            connection.execute(_FORGET, (item.schedule, micros(item.at - FIRED_FOR)))
        return answer
