"""WriterTransaction: a transaction's exclusive time with the writer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic
from typing import Any, Protocol

from runtime.engines.sql.contract import (
    Database,
    Parameters,
    Step,
    TransactionLost,
    Uncertain,
)
from runtime.engines.sql.sqlite.batch import BatchItem, run_steps
from runtime.engines.sql.sqlite.completion import Completion, ResultFuture, deliver
from runtime.engines.sql.sqlite.compound import CompoundRequest
from runtime.engines.sql.sqlite.errors import FileLost, explain
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.result import ResultReader
from runtime.engines.sql.sqlite.statement import Category
from runtime.engines.sql.sqlite.statement_request import StatementRequest, statement_request
from runtime.handlers import fork
from runtime.handlers.fork import forbid_in_child
from runtime.handlers.threads import call_threadsafe
from runtime.service import Unavailable

DEADLINE_CHECK = 10_000
"""Instructions of SQLite's machine between two checks of the deadline: some ten microseconds."""

UNLIMITED = 10.0 * 365 * 24 * 3600
"""A limit in seconds that nobody reaches, and that a wait can take."""

Request = StatementRequest | CompoundRequest | BatchItem


class Queue(Protocol):
    """The writer's queue, as its transactions use it."""

    def put(self, item: WriterTransaction) -> None:
        """Queue a transaction. Raises DatabaseClosed."""
        ...


class WriterTransaction:
    """One transaction. Its first statement queues it for the writer, which it keeps to its end.

    The writer serves it from a channel of its own for at most `limit` seconds, counted from BEGIN.
    After that, or if SQLite itself rolled back, the transaction is lost: the writer goes on with
    its other work, and every further use raises `TransactionLost`.
    """

    grouped = False

    def __init__(
        self,
        database: Database,
        work_queue: Queue,
        limit: float,
        label: str,
    ) -> None:
        self.database = database
        self._work_queue = work_queue
        self._limit = limit
        self._label = label
        self._channel: SimpleQueue[Request | _End] = SimpleQueue()
        self._lock = Lock()
        self._queued = False
        self._ended = False
        self._given_up = False
        """True once it is to be rolled back: a statement that still runs is interrupted."""
        self._after_commit: list[Callable[[], None]] = []
        self._requested_at = 0.0
        self._lost: Exception | None = None
        self._depth = fork.depth

    @property
    def is_open(self) -> bool:
        return not self._ended and self._lost is None

    def submit(
        self, read: ResultReader, text: str, parameters: Parameters, future: ResultFuture
    ) -> None:
        """Queue one statement of the transaction."""
        request = statement_request(read, text, parameters, future)
        if request.statement.category is Category.CONTROL:
            raise ValueError(
                f"{request.statement.verb} inside of a transaction; "
                "leave the block to commit, raise to roll back"
            )
        self.enqueue(request)

    def enqueue(self, item: Request) -> None:
        """Queue checked work of the transaction."""
        forbid_in_child("a transaction", self._depth)
        with self._lock:
            self._check()
            if not self._queued:
                self._requested_at = monotonic()
                self._work_queue.put(self)
                self._queued = True
            self._channel.put(item)

    def add(self, step: Step) -> asyncio.Future[Any]:
        """Queue a step; the future, of the running loop, has its answer."""
        future: asyncio.Future[Any] = asyncio.Future()
        self.enqueue(BatchItem(run_steps, step, future))
        return future

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back on the running event loop once it is committed; never if it is rolled back."""
        loop = asyncio.get_running_loop()
        self._after_commit.append(partial(call_threadsafe, loop, callback))

    def end(self, commit: bool, future: ResultFuture) -> None:
        """Ask for the end, which settles the future. Raises if there is nothing to commit."""
        forbid_in_child("a transaction", self._depth)
        with self._lock:
            if commit:
                self._check()
            self._ended = True
            self._given_up = not commit
            if self._queued and self._lost is None:
                self._channel.put(_End(commit, future, self._after_commit))
                return
        deliver([(future, None, None)])

    def refuse(self, error: Exception) -> None:
        """Fail all that waits: the writer will not come. Called by the database's work queue."""
        self._lose(error)

    def serve(self, connection: ManagedConnection) -> None:
        """Run the transaction. Called in the writer's thread, outside of any transaction."""
        try:
            connection.begin(self._requested_at)
        except sqlite3.Error as error:
            return self._lose(Unavailable(f"the transaction could not begin: {error}"))
        raw = connection.raw
        deadline = monotonic() + self._limit
        raw.set_progress_handler(lambda: self._given_up or monotonic() > deadline, DEADLINE_CHECK)
        try:
            lost = self._serve_until(connection, deadline)
        finally:
            raw.set_progress_handler(None, 0)
            connection.rollback()
        if lost is not None:
            self._lose(lost)

    def _serve_until(
        self, connection: ManagedConnection, deadline: float
    ) -> TransactionLost | None:
        """Run statements until the end; return the reason if the transaction is lost."""
        raw = connection.raw
        statements = 0
        while True:
            remaining = deadline - monotonic()
            if remaining <= 0:
                return self._timeout_error()
            try:
                item = self._channel.get(timeout=remaining)
            except Empty:
                continue
            if isinstance(item, _End):
                # A commit that is broken off may be done all the same, and would be told as failed.
                raw.set_progress_handler(None, 0)
                item.finish(connection, statements)
                return None
            statements += 1
            completion = item.run_in_transaction(connection)
            if completion[2] is not None and monotonic() > deadline:
                completion = (completion[0], None, self._timeout_error())
            if not raw.in_transaction:
                self._lose(self._rollback_error(completion[2], deadline))
            deliver([completion])
            if not raw.in_transaction:
                return None

    def _rollback_error(self, error: Exception | None, deadline: float) -> Exception:
        """The reason why SQLite rolled back at a statement that had this error."""
        if monotonic() > deadline:
            return self._timeout_error()
        if isinstance(error, Unavailable):
            return copy(error)
        return TransactionLost("SQLite rolled the transaction back after an error")

    def _timeout_error(self) -> TransactionLost:
        return TransactionLost(
            f"the transaction held the writer of '{self._label}' for more than {self._limit:g} s "
            "and was rolled back; do slow work before its first statement, "
            "or raise transaction_timeout"
        )

    def _lose(self, reason: Exception) -> None:
        with self._lock:
            self._lost = reason
            completions: list[Completion] = []
            while not self._channel.empty():
                item = self._channel.get()
                rolled_back = isinstance(item, _End) and not item.commit
                completions.append((item.future, None, None if rolled_back else copy(reason)))
        deliver(completions)

    def _check(self) -> None:
        if self._lost is not None:
            raise copy(self._lost)
        if self._ended:
            raise RuntimeError("the transaction has ended; open another one")


class _End:
    """The last item of a channel."""

    def __init__(
        self, commit: bool, future: ResultFuture, after_commit: Sequence[Callable[[], None]]
    ) -> None:
        self.commit = commit
        self.future = future
        self._after_commit = after_commit

    def finish(self, connection: ManagedConnection, statements: int) -> None:
        """Commit or roll back, and settle the future. A commit whose caller was cancelled is
        rolled back."""
        error: Exception | None = None
        try:
            if self.commit and not self.future.cancelled():
                connection.commit(statements)
                connection.check_file()
                for callback in self._after_commit:
                    callback()
        except (sqlite3.Error, Uncertain) as failure:
            error = explain(failure, "COMMIT")
        except FileLost as failure:
            error = failure
            raise
        finally:
            connection.rollback()
            deliver([(self.future, None, error)])
