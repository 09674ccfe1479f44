"""The runtime's queue.driver.sql on a file of SQLite, for comparison: it has no server."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.queues import ours
from benchmarks.queues.durable import on_sqlite

TITLE = "runtime, queue.driver.sql on SQLite"
SERVER = "PostgreSQL"
PACKAGES = []
COUNT = 50_000


class Tool(ours.Tool):
    def __init__(self, url: str, done: Callable[[], None]) -> None:
        super().__init__(on_sqlite(), done)
