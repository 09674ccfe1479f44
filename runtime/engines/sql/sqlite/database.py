"""Database: one SQLite database, as handlers and the supervisor see it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from runtime.engines.sql.builder.dialect import SQLITE
from runtime.engines.sql.contract import Parameters
from runtime.engines.sql.inline_future import InlineFuture
from runtime.engines.sql.reentrancy import forbid_reentry
from runtime.engines.sql.sqlite.batch import BatchFunction, BatchItem
from runtime.engines.sql.sqlite.blocking import BlockingDatabase
from runtime.engines.sql.sqlite.commits import Commits
from runtime.engines.sql.sqlite.completion import ResultFuture
from runtime.engines.sql.sqlite.compound import CompoundRequest, many_request, script_request
from runtime.engines.sql.sqlite.connection import Settings, closed_on_error, connect
from runtime.engines.sql.sqlite.engine import Engine
from runtime.engines.sql.sqlite.exclusive import exclusive
from runtime.engines.sql.sqlite.managed_connection import OnCommit
from runtime.engines.sql.sqlite.rebuild_transaction import RebuildTransaction
from runtime.engines.sql.sqlite.result import Result, ResultReader, all_rows, first_row, summary
from runtime.engines.sql.sqlite.script import at_place, split
from runtime.engines.sql.sqlite.statement import WRITE, Category
from runtime.engines.sql.sqlite.statement_request import statement_request
from runtime.engines.sql.sqlite.transaction import Transaction
from runtime.engines.sql.sqlite.work_queue import closed_error
from runtime.engines.sql.sqlite.writer_transaction import UNLIMITED, WriterTransaction
from runtime.handlers.fork import ParentOnly, on_fork
from runtime.service import Ready

if TYPE_CHECKING:
    from runtime.clock import Clock
    from runtime.engines.queue.sql.store import Store, StoreSettings
    from runtime.engines.sql.backup import Progress
    from runtime.engines.topic.contract import Broadcast

_STOPPING = "it is stopping"


class Database:
    """A service, and the calls of handlers while it runs.

    Reads go to the readers; everything else is queued for the writer (see `writer.py`). What a
    connection keeps for itself (temporary tables, attached files) is seen by the writer only.

    Calls raise `DatabaseClosed` while the service does not run, TypeError and ValueError for
    arguments that SQLite cannot take, Unavailable for a lock of another program or a disk error,
    and otherwise the errors of `sqlite3`; all with the first line of the statement.
    """

    dialect = SQLITE

    def __init__(
        self,
        settings: Settings,
        transaction_timeout: float,
        on_commit: OnCommit | None = None,
        commits: Commits | None = None,
    ) -> None:
        """`on_commit` is called by the thread or the loop; `commits` are for who counts them."""
        self._settings = settings
        self._transaction_timeout = transaction_timeout
        self.commits = commits
        self._on_commit = on_commit
        self._engine: Engine | None = None
        self._not_running = "it was not started"
        """The reason for the refusal of a call while there is no engine."""
        self.blocking = BlockingDatabase(self.submit, self.enqueue, self.begin)
        on_fork(self._leave_to_parent)

    @property
    def label(self) -> str:
        """The name of the database in logs and errors: the file as the manifest has it."""
        return self._settings.label

    @property
    def is_open(self) -> bool:
        return self._engine is not None

    @property
    def rejecting(self) -> str | None:
        """Why a write was rejected in the last minute: a full disk, a lock of another program."""
        return None if self._engine is None else self._engine.rejecting

    @property
    def journal(self) -> int | None:
        """Bytes of the write-ahead log; None in memory, and while it does not run."""
        if self._engine is None or self._settings.in_memory:
            return None
        try:
            return os.stat(f"{self._settings.file}-wal").st_size
        except OSError:
            return 0

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Serve until `stop`, then finish all that is queued. It may be run again afterwards."""
        self._not_running = "it is starting"
        try:
            await self._serve(ready, stop)
        except Exception as error:
            self._not_running = f"it failed: {error}"
            raise
        finally:
            if self._not_running == _STOPPING:
                self._not_running = "it was stopped"

    async def _serve(self, ready: Ready, stop: asyncio.Event) -> None:
        engine = Engine(self._settings, self._on_commit, self.commits)
        try:
            self._settings = replace(self._settings, expected_file=await engine.open())
            self._engine = engine
            ready(self.label)
            await engine.serve(stop)
        except asyncio.CancelledError:
            engine.abandon()
            raise
        finally:
            self._not_running = _STOPPING
            self._engine = None
            await engine.close()
        self._settings = replace(self._settings, expected_file=None)

    async def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """The rows of a statement, also of one that writes (`RETURNING`).

        Two columns of one name are one key, with the value of the last one.
        """
        future: asyncio.Future[Any] = asyncio.Future()
        self.submit(all_rows, text, parameters, future)
        rows: list[dict[str, Any]] = await future
        return rows

    async def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        """The first row, or None if there is none."""
        future: asyncio.Future[Any] = asyncio.Future()
        self.submit(first_row, text, parameters, future)
        row: dict[str, Any] | None = await future
        return row

    async def execute(self, text: str, parameters: Parameters = ()) -> Result:
        """Run a statement for its effect; it is committed when this returns.

        Cancelled while it is queued, it is not run; later, it may have been.
        """
        future: asyncio.Future[Any] = asyncio.Future()
        self.submit(summary, text, parameters, future)
        result: Result = await future
        return result

    async def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        """Run a statement once for each row of parameters, in one transaction."""
        future: asyncio.Future[Any] = asyncio.Future()
        self.enqueue(many_request(text, rows, future))
        result: Result = await future
        return result

    async def executescript(self, script: str) -> None:
        """Run the statements of a script in one transaction."""
        future: asyncio.Future[Any] = asyncio.Future()
        self.enqueue(script_request(script, future))
        await future

    def transaction(self) -> Transaction:
        """`async with database.transaction() as tx:` commits; an exception rolls back."""
        return Transaction(self.begin)

    def long_transaction(self, *, foreign_keys: bool = True) -> Transaction:
        """A transaction without a time limit: see the contract."""
        return Transaction(partial(self._begin_long, foreign_keys))

    async def executescript_outside(self, script: str) -> None:
        """Run the statements of a script one by one: see the contract."""
        for each in split(script):
            with at_place(each.place):
                await self.query(each.text)

    def submit(
        self, read: ResultReader, text: str, parameters: Parameters, future: ResultFuture
    ) -> None:
        """Queue one statement, whose result settles `future`. May be called from any thread."""
        engine = self._running()
        request = statement_request(read, text, parameters, future)
        category = request.statement.category
        if category is not WRITE:
            if category is Category.READ and engine.read_queue is not None:
                engine.read_queue.submit(request)
                return
            if category is Category.CONTROL or category is Category.SAVEPOINT:
                verb = request.statement.verb
                raise ValueError(
                    f"{verb} outside of a transaction; use the database's transaction()"
                )
        forbid_reentry(self)
        engine.write_queue.submit(request)

    def enqueue(self, request: CompoundRequest) -> None:
        """Queue statements that are committed together. May be called from any thread."""
        engine = self._running()
        forbid_reentry(self)
        engine.write_queue.put(request)

    def batch(self, function: BatchFunction, item: Any) -> asyncio.Future[Any]:
        """Have the writer do an item together with all others that are queued; await its answer.

        Raises DatabaseClosed; the future raises Unavailable if the database could not do it.
        """
        future: asyncio.Future[Any] = asyncio.Future()
        self._running().write_queue.submit(BatchItem(function, item, future))
        return future

    def batch_lazily(self, function: BatchFunction, item: Any) -> InlineFuture:
        """As `batch`, for what nobody waits for: it may be done a few milliseconds later, together
        with what somebody waits for, and before all that is asked for after it.
        """
        future = InlineFuture()
        self._running().write_queue.defer(BatchItem(function, item, future))
        return future

    def hurry(self) -> None:
        """Have what was asked for by `batch_lazily` done now: somebody waits for it."""
        if self._engine is not None:
            self._engine.write_queue.hurry()

    def connect(self) -> sqlite3.Connection:
        """A connection of the caller's own, in autocommit mode, which does not wait for locks.

        Raises `sqlite3.OperationalError` if the file is missing: a lost file is not made anew. Its
        commits survive a crash of the program, but perhaps no power failure.
        """
        existing = f"{Path(self._settings.file).absolute().as_uri()}?mode=rw"
        connection = connect(existing, uri=True, timeout=0)
        with closed_on_error(connection):  # its folder may be gone meanwhile, or its lock taken
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def exclusive(self, key: str) -> AbstractAsyncContextManager[None]:
        """Hold the lock of a name, which one program at a time has: see the contract."""
        return exclusive(self._settings, key)

    def make_durable(self) -> None:
        """From the next run on, sync each commit to disk before its caller is answered."""
        pragmas = {"synchronous": "FULL", **self._settings.pragmas}
        self._settings = replace(self._settings, pragmas=pragmas)

    def queue_store(self, settings: StoreSettings) -> Store:
        """A new store of durable queues in this database."""
        # Imported here because the store imports this module; and most databases keep no queues.
        from runtime.engines.queue.sql.sqlite.store import SqliteStore

        return SqliteStore(self, settings)

    def back_up(self, target: Path, progress: Progress) -> None:
        """As Restorable.back_up."""
        from runtime.engines.sql.sqlite import backup  # few programs do it

        backup.back_up(self._settings, target, progress)

    def restore(self, source: Path, progress: Progress) -> Path | None:
        """As Restorable.restore."""
        from runtime.engines.sql.sqlite import backup

        return backup.restore(self._settings, source, progress)

    def broadcast(self, topic: str, clock: Clock) -> Broadcast:
        """A new carrier of a topic's values to the other programs on this database."""
        from runtime.engines.topic.sqlite import SqliteBroadcast

        return SqliteBroadcast(self, topic, clock)

    def begin(self) -> WriterTransaction:
        """A new transaction, which is queued for the writer at its first statement."""
        queue = self._running().write_queue
        forbid_reentry(self)
        return WriterTransaction(self, queue, self._transaction_timeout, self.label)

    def _begin_long(self, foreign_keys: bool) -> WriterTransaction:
        queue = self._running().write_queue
        forbid_reentry(self)
        kind = WriterTransaction if foreign_keys else RebuildTransaction
        return kind(self, queue, UNLIMITED, self.label)

    def _leave_to_parent(self) -> None:
        """In a forked child, which has the connections and not the threads that serve them."""
        self._engine = cast("Engine", ParentOnly(f"database '{self._settings.name}'"))

    def _running(self) -> Engine:
        if self._engine is None:
            raise closed_error(self._settings.name, self._not_running)
        return self._engine
