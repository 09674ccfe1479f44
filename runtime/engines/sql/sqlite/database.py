"""Database: one SQLite database, as handlers and the supervisor see it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from runtime.engines.sql.builder.dialect import SQLITE
from runtime.engines.sql.contract import Parameters
from runtime.engines.sql.sqlite.batch import BatchFunction, BatchItem
from runtime.engines.sql.sqlite.blocking import BlockingDatabase
from runtime.engines.sql.sqlite.completion import ResultFuture
from runtime.engines.sql.sqlite.connection import Settings, connect
from runtime.engines.sql.sqlite.engine import Engine
from runtime.engines.sql.sqlite.reentrancy import refuse_inside
from runtime.engines.sql.sqlite.statement import WRITE, Sort
from runtime.engines.sql.sqlite.statement_request import (
    Result,
    ResultReader,
    all_rows,
    first_row,
    statement_request,
    summary,
)
from runtime.engines.sql.sqlite.transaction import Transaction
from runtime.engines.sql.sqlite.work_queue import closed
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction
from runtime.service import Ready


class Database:
    """A service, and the calls of handlers while it runs.

    Reads go to the readers; everything else is queued for the writer (see `writer.py`).
    What a connection keeps for itself (temporary tables, attached files) is seen by the writer
    only. Calls raise `DatabaseClosed` while the service does not run, TypeError and ValueError
    for what SQLite cannot be given, Unavailable for a lock of another program or a fault of the
    disk, and otherwise what `sqlite3` raises; all with the first line of the statement.
    """

    dialect = SQLITE

    def __init__(self, settings: Settings, transaction_timeout: float = 3.0) -> None:
        self._settings = settings
        self._transaction_timeout = transaction_timeout
        self._engine: Engine | None = None
        self.blocking = BlockingDatabase(self.submit, self.hold)

    @property
    def label(self) -> str:
        """What logs and errors call it: the file as the manifest writes it."""
        return self._settings.label

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Serve until `stop`, then finish what is queued. May be run again after it returned."""
        engine = Engine(self._settings)
        try:
            self._settings = replace(self._settings, known=await engine.open())
            self._engine = engine
            ready(self.label)
            await engine.serve(stop)
        except asyncio.CancelledError:
            engine.abandon()
            raise
        finally:
            self._engine = None
            await engine.close()
        self._settings = replace(self._settings, known=None)

    async def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """The rows of a statement, also of one that writes (`RETURNING`).

        Two columns of one name are one key, the last one's value.
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

        Cancelled while it waits, it is not run; later than that, it may have been.
        """
        future: asyncio.Future[Any] = asyncio.Future()
        self.submit(summary, text, parameters, future)
        result: Result = await future
        return result

    def transaction(self) -> Transaction:
        """`async with database.transaction() as tx:` commits; an exception rolls back."""
        return Transaction(self.hold)

    def submit(
        self, take: ResultReader, text: str, parameters: Parameters, waiter: ResultFuture
    ) -> None:
        """Queue one statement for `waiter`. May be called from any thread."""
        asked = statement_request(take, text, parameters, waiter)
        engine = self._running()
        sort = asked.statement.sort
        if sort is not WRITE:
            if sort is Sort.READ and take is not summary and not engine.in_memory:
                engine.reading.put(asked)
                return
            if sort is Sort.CONTROL or sort is Sort.SAVEPOINT:
                verb = asked.statement.verb
                raise ValueError(
                    f"{verb} outside of a transaction; use the database's transaction()"
                )
        refuse_inside(self)
        engine.writing.put(asked)

    def batch(self, work: BatchFunction, item: Any) -> asyncio.Future[Any]:
        """Have the writer do an item of a batch, with all that waits; the future has its answer.

        Raises DatabaseClosed; the future raises Unavailable if the database could not do it.
        """
        future: asyncio.Future[Any] = asyncio.Future()
        self._running().writing.put(BatchItem(work, item, future))
        return future

    def refuse_inside(self) -> None:
        """Raise RuntimeError if the caller is in a transaction, which would wait for itself."""
        refuse_inside(self)

    def connect(self) -> sqlite3.Connection:
        """A bare connection of the caller's own, in autocommit mode, which waits for no lock.

        The file must be there: one that was lost is not made anew.

        What it commits survives a crash of the program, and perhaps no power cut.
        """
        existing = f"{Path(self._settings.file).absolute().as_uri()}?mode=rw"
        connection = connect(existing, uri=True, timeout=0)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def make_durable(self) -> None:
        """From the next run on, a commit is on disk before it is told."""
        pragmas = {"synchronous": "FULL", **self._settings.pragmas}
        self._settings = replace(self._settings, pragmas=pragmas)

    def hold(self) -> WriterTransaction:
        """A new transaction's time with the writer, not yet asked for."""
        refuse_inside(self)
        return WriterTransaction(
            self, self._running().writing, self._transaction_timeout, self.label
        )

    def _running(self) -> Engine:
        if self._engine is None:
            raise closed(self.label)
        return self._engine
