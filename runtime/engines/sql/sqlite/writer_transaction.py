"""Hold: a transaction's time alone with the writer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic
from typing import Any

from runtime.engines.sql.contract import Database, Parameters, Step, TransactionLost
from runtime.engines.sql.sqlite.batch import BatchItem, run_steps
from runtime.engines.sql.sqlite.completion import Completion, ResultFuture, deliver
from runtime.engines.sql.sqlite.errors import FileLost, Uncertain, explained
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.statement import Sort
from runtime.engines.sql.sqlite.statement_request import (
    ResultReader,
    StatementRequest,
    statement_request,
)
from runtime.engines.sql.sqlite.work_queue import WorkQueue
from runtime.handlers.threads import call_threadsafe
from runtime.service import Unavailable

DEADLINE_CHECK = 10_000
"""Steps of SQLite's machine between two looks at the clock: some tens of microseconds."""


class WriterTransaction:
    """One transaction: it asks for the writer with its first statement, and keeps it to its end.

    The writer serves it from a channel of its own for at most `limit` seconds, counted from
    BEGIN. After that, and when SQLite itself undid everything, the hold is lost: the writer goes
    on with its other work, and every further use raises `TransactionLost`.
    """

    grouped = False

    def __init__(
        self,
        database: Database,
        writer: WorkQueue[StatementRequest | BatchItem | WriterTransaction],
        limit: float,
        label: str,
    ) -> None:
        self.database = database
        self._writer = writer
        self._limit = limit
        self._label = label
        self._channel: SimpleQueue[StatementRequest | BatchItem | _End] = SimpleQueue()
        self._lock = Lock()
        self._taken = False
        self._ended = False
        self._after_commit: list[Callable[[], None]] = []
        self._asked = 0.0
        self._lost: Exception | None = None

    @property
    def open(self) -> bool:
        return not self._ended and self._lost is None

    def submit(
        self, take: ResultReader, text: str, parameters: Parameters, waiter: ResultFuture
    ) -> None:
        """Queue one statement of the transaction, the first one with the wish for the writer."""
        asked = statement_request(take, text, parameters, waiter)
        if asked.statement.sort is Sort.CONTROL:
            raise ValueError(
                f"{asked.statement.verb} inside of a transaction; "
                "leave the block to commit, raise to roll back"
            )
        self._put(asked)

    def add(self, step: Step) -> asyncio.Future[Any]:
        """Queue work of another part of the program; the future, of the running loop, has its
        answer."""
        future: asyncio.Future[Any] = asyncio.Future()
        self._put(BatchItem(run_steps, step, future))
        return future

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back on the running event loop once it is committed; never if it is rolled back."""
        loop = asyncio.get_running_loop()
        self._after_commit.append(partial(call_threadsafe, loop, callback))

    def _put(self, item: StatementRequest | BatchItem) -> None:
        with self._lock:
            self._check()
            if not self._taken:
                self._asked = monotonic()
                self._writer.put(self)
                self._taken = True
            self._channel.put(item)

    def end(self, commit: bool, waiter: ResultFuture) -> None:
        """Ask for the end; the waiter hears when it came. Raises if there is nothing to commit."""
        with self._lock:
            if commit:
                self._check()
            self._ended = True
            if self._taken and self._lost is None:
                self._channel.put(_End(commit, waiter, self._after_commit))
                return
        deliver([(waiter, None, None)])

    def refuse(self, error: Exception) -> None:
        """Answer all that waits: the writer will not come. The database's inbox calls this."""
        self._lose(error)

    def serve(self, session: ManagedConnection) -> None:
        """Run the transaction. Called in the writer's thread, outside of any transaction."""
        try:
            session.begin(self._asked)
        except sqlite3.Error as error:
            return self._lose(Unavailable(f"the transaction could not begin: {error}"))
        connection = session.connection
        deadline = monotonic() + self._limit
        connection.set_progress_handler(lambda: monotonic() > deadline, DEADLINE_CHECK)
        try:
            lost = self._serve_until(session, deadline)
        finally:
            connection.set_progress_handler(None, 0)
            session.undo()
        if lost is not None:
            self._lose(lost)

    def _serve_until(self, session: ManagedConnection, deadline: float) -> TransactionLost | None:
        """Run statements until the end: None for a proper one, else why the hold is lost."""
        connection = session.connection
        while True:
            remaining = deadline - monotonic()
            if remaining <= 0:
                return self._overdue()
            try:
                item = self._channel.get(timeout=remaining)
            except Empty:
                continue
            if isinstance(item, _End):
                item.finish(session)
                return None
            outcome = item.attempt(session)
            if outcome[2] is not None and monotonic() > deadline:
                outcome = (outcome[0], None, self._overdue())
            if not connection.in_transaction:
                self._lose(self._undone(outcome[2], deadline))
            deliver([outcome])
            if not connection.in_transaction:
                return None

    def _undone(self, error: Exception | None, deadline: float) -> Exception:
        """Why SQLite rolled the transaction back at a statement that had this error."""
        if monotonic() > deadline:
            return self._overdue()
        if isinstance(error, Unavailable):
            return copy(error)
        return TransactionLost("SQLite rolled the transaction back after an error")

    def _overdue(self) -> TransactionLost:
        return TransactionLost(
            f"the transaction held the writer of '{self._label}' for more than {self._limit:g} s "
            "and was rolled back; do slow work before its first statement, "
            "or raise transaction_timeout"
        )

    def _lose(self, reason: Exception) -> None:
        with self._lock:
            self._lost = reason
            outcomes: list[Completion] = []
            while not self._channel.empty():
                item = self._channel.get()
                rolled_back = isinstance(item, _End) and not item.commit
                outcomes.append((item.waiter, None, None if rolled_back else copy(reason)))
        deliver(outcomes)

    def _check(self) -> None:
        if self._lost is not None:
            raise copy(self._lost)
        if self._ended:
            raise RuntimeError("the transaction has ended; open another one")


class _End:
    """The last item of a channel."""

    def __init__(
        self, commit: bool, waiter: ResultFuture, after_commit: Sequence[Callable[[], None]]
    ) -> None:
        self.commit = commit
        self.waiter = waiter
        self._after_commit = after_commit

    def finish(self, session: ManagedConnection) -> None:
        """Commit or roll back, and tell: a commit that nobody waits for any more is undone."""
        error: Exception | None = None
        try:
            if self.commit and not self.waiter.cancelled():
                session.commit()
                session.see_file()
                for callback in self._after_commit:
                    callback()
        except (sqlite3.Error, Uncertain) as failure:
            error = explained(failure, "COMMIT")
        except FileLost as failure:
            error = failure
            raise
        finally:
            session.undo()
            deliver([(self.waiter, None, error)])
