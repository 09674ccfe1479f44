"""ReadQueue: the readers' queue, and what the event loop reads itself at the end of a turn.

The loop has a connection of its own for that, which cannot write. A query that turns out to be long
or to have many rows is broken off, and queued for the threads.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from contextvars import Context
from time import perf_counter
from typing import Any

from runtime.engines.sql.sqlite.completion import Completion, settle
from runtime.engines.sql.sqlite.effort import Effort
from runtime.engines.sql.sqlite.errors import code, explain, is_disk_error, is_transient
from runtime.engines.sql.sqlite.loop_access import INSTRUCTIONS, LATE, PATIENCE, REST, SLICE
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.result import all_rows, few_rows
from runtime.engines.sql.sqlite.slow_work import LONG, SlowWork
from runtime.engines.sql.sqlite.statement_request import StatementRequest
from runtime.engines.sql.sqlite.work_queue import WorkQueue

ROWS = 100
"""The most rows of a query on the loop: some tenth of a millisecond."""


class ReadQueue(WorkQueue[StatementRequest]):
    """A method that is not `put` belongs to the event loop that made the queue."""

    def __init__(self, database: str, threads: int) -> None:
        super().__init__(database, threads)
        self._connection: ManagedConnection | None = None
        self._loop = asyncio.get_running_loop()
        self._context = Context()
        """Of nobody: what is gathered belongs to many tasks."""
        self._gathered: deque[StatementRequest] = deque()
        self._slow = SlowWork()
        self._deadline = 0.0
        self._effort = Effort()
        self._rests_until = 0.0

    def use(self, connection: ManagedConnection) -> None:
        """Read on this connection, unless its reads could wait for a writer."""
        if connection.raw.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            return connection.close()
        connection.raw.set_progress_handler(self._is_late, INSTRUCTIONS)
        self._connection = connection

    def submit(self, request: StatementRequest) -> None:
        """Queue a query from any thread; the loop may run it itself."""
        if (
            self._connection is None
            or request.future.get_loop() is not self._loop
            or self._slow.is_slow(request.text)
            or perf_counter() < self._rests_until
        ):
            return self.put(request)
        if not self._gathered:
            self._loop.call_soon(self._run, context=self._context)
        self._gathered.append(request)

    def seal(self) -> None:
        self._hand_over()
        super().seal()

    def close(self) -> None:
        """Close the loop's connection."""
        self._hand_over()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _hand_over(self) -> None:
        while self._gathered:
            self.items.put(self._gathered.popleft())

    def _run(self) -> None:
        """Run the queries of this turn, as many as fit."""
        completions: list[Completion] = []
        now = perf_counter()
        end = now + SLICE
        self._effort.begin()
        while self._gathered and now < end:
            request = self._gathered.popleft()
            if request.future.cancelled():
                continue
            if self._connection is None:
                self.put(request)
                continue
            self._deadline = now + PATIENCE
            error: Exception | None = None
            result = None
            try:
                result = _read(self._connection.raw, request)
            except Exception as raised:
                error = raised
            before, now = now, perf_counter()
            took = now - before
            if took > LATE:
                took = self._effort.seconds()
            if took > LATE or (error is not None and code(error) == sqlite3.SQLITE_INTERRUPT):
                self._rests_until = now + REST
            if error is None:
                completions.append((request.future, result, None))
            elif _is_of_a_thread(error):
                took = LONG
                self.put(request)
                if is_disk_error(error):
                    self.close()  # its cache is in doubt; from now on the threads read
            else:
                completions.append((request.future, None, explain(error, request.text)))
            self._slow.record(request.text, took)
        if self._gathered:
            self._loop.call_soon(self._run, context=self._context)
        settle(completions)

    def _is_late(self) -> bool:
        return perf_counter() > self._deadline and self._effort.seconds() > SLICE + PATIENCE


class _TooManyRows(Exception):
    pass


def _read(raw: sqlite3.Connection, request: StatementRequest) -> Any:
    cursor = raw.execute(request.text, request.parameters)
    if request.read is not all_rows:
        return request.read(cursor, request.statement)
    rows = few_rows(cursor, ROWS)
    if rows is None:
        raise _TooManyRows
    return rows


def _is_of_a_thread(error: Exception) -> bool:
    """True if the query is to be run again by a thread."""
    return (
        isinstance(error, _TooManyRows)
        or is_transient(error)
        or code(error) == sqlite3.SQLITE_INTERRUPT
    )
