"""The runtime's queue.driver.sql on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.queues import ours
from benchmarks.queues.durable import on_postgres

TITLE = "runtime, queue.driver.sql"
SERVER = "PostgreSQL"
PACKAGES = ["psycopg"]
COUNT = 50_000


class Tool(ours.Tool):
    def __init__(self, url: str, done: Callable[[], None]) -> None:
        super().__init__(on_postgres(url), done)
