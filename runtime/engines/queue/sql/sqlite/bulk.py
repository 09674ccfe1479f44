"""Bulk: publishes many messages in one step of the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from runtime.engines.queue.sql.operations import PublishMany
from runtime.engines.queue.sql.sqlite.statements import Statements, length_of
from runtime.engines.queue.sql.store import full


class Bulk:
    """The batch function of publishes that go together."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def publish(self, connection: sqlite3.Connection, items: Sequence[PublishMany]) -> list[Any]:
        """Answers with None; or with Full, and then nothing was done for that item."""
        return [self._publish(connection, item) for item in items]

    def _publish(self, connection: sqlite3.Connection, item: PublishMany) -> Any:
        length, count = length_of(connection, item.queue), len(item.messages)
        if length + count > item.limit:
            return full(item.queue, length)
        self._statements.publish(connection, item.part(0, count))
        return None
