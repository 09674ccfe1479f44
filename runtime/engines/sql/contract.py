"""The contract of SQL databases: all that handlers, queues and kinds may ask of any of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from runtime.engines.sql.builder.dialect import Dialect
from runtime.service import Unavailable

if TYPE_CHECKING:
    from runtime.engines.queue.sql.store import Store, StoreSettings

Parameters = Sequence[Any] | Mapping[str, Any]
Row = dict[str, Any]

Step = Callable[[Any], Any]
"""Work done inside a transaction by another part of the program.

It is called in a thread of the database's, with the driver's own connection (for SQLite a
`sqlite3.Connection`), and must neither commit nor roll back. What it returns is the answer of the
step; an exception that it raises or returns is raised to the caller. What a step did before it
raised is undone, and the transaction goes on.
"""


class DatabaseClosed(Unavailable):
    """The database is not running: not started yet, stopped, or between two attempts."""


class TransactionLost(RuntimeError):
    """The transaction was rolled back before its end: it took too long, or the database ended it.

    Each further use of the transaction raises it, and so does the end of its block.
    """


class Result(Protocol):
    """The effect of a statement."""

    @property
    def rows_affected(self) -> int: ...

    @property
    def last_insert_id(self) -> int | None:
        """The key of the last inserted row, or None if the statement inserted none."""
        ...


class JoinableTransaction(Protocol):
    """A transaction in which others take part: a queue publishes and acknowledges in it."""

    @property
    def database(self) -> Database:
        """The database that the transaction belongs to."""
        ...

    @property
    def dialect(self) -> Dialect:
        """The SQL that the query builder writes for it."""
        ...

    def add(self, step: Step) -> asyncio.Future[Any]:
        """Run a step inside the transaction, after the statements before it; await its answer.

        Called on an event loop. Raises RuntimeError if the transaction was not entered or has
        ended, TransactionLost if it was rolled back. The future raises Unavailable if the database
        could not run the step.
        """
        ...

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back on the running event loop once it is committed; never if it is rolled back."""
        ...


class Transaction(JoinableTransaction, Protocol):
    """Statements that are committed together or not at all."""

    @property
    def blocking(self) -> BlockingTransaction:
        """The same transaction, for a plain function in a thread."""
        ...

    def abandon(self) -> None:
        """Roll back now, even if a thread still uses the transaction: its next use raises."""
        ...

    async def query(self, text: str, parameters: Parameters = ()) -> list[Row]:
        """All rows, each a dict by column; NULL is None, and no column is ever left out."""
        ...

    async def query_one(self, text: str, parameters: Parameters = ()) -> Row | None:
        """The first row, or None if there is none."""
        ...

    async def execute(self, text: str, parameters: Parameters = ()) -> Result:
        """Run a statement for its effect."""
        ...

    async def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        """Run an INSERT, UPDATE or DELETE once for each row of parameters, all of them or none.

        The rows are copied and checked when it is called; an error says `row 3: …`. The result has
        the sum of the rows affected, and no id.
        """
        ...

    async def executescript(self, script: str) -> None:
        """Run statements that are separated by semicolons, all of them or none, without parameters.

        An error says `statement 2 (line 5): …`. Raises ValueError for a script that begins or ends
        a transaction.
        """
        ...


class Database(Protocol):
    """A running database. Calls may come from any task of any event loop.

    Placeholders are the database's own. Parameters are str, bytes, int, float, bool or None, or
    what is bound as the text that JSON has for it: datetime, date, time, UUID, Decimal, and Enum by
    its value. Others raise TypeError before anything is sent. A statement outside of a transaction
    is committed when its call returns. Inside a transaction, a call of the same task that would
    wait for that transaction raises RuntimeError at once.
    """

    @property
    def label(self) -> str:
        """The name of the database in logs and errors."""
        ...

    @property
    def dialect(self) -> Dialect:
        """The SQL that the query builder writes for it."""
        ...

    @property
    def blocking(self) -> BlockingDatabase:
        """The same database, for plain functions in threads."""
        ...

    async def query(self, text: str, parameters: Parameters = ()) -> list[Row]:
        """All rows, each a dict by column; NULL is None, and no column is ever left out."""
        ...

    async def query_one(self, text: str, parameters: Parameters = ()) -> Row | None:
        """The first row, or None if there is none."""
        ...

    async def execute(self, text: str, parameters: Parameters = ()) -> Result:
        """Run a statement for its effect."""
        ...

    async def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        """Run an INSERT, UPDATE or DELETE once for each row of parameters, all of them or none.

        The rows are copied and checked when it is called; an error says `row 3: …`. The result has
        the sum of the rows affected, and no id.
        """
        ...

    async def executescript(self, script: str) -> None:
        """Run statements that are separated by semicolons, all of them or none, without parameters.

        An error says `statement 2 (line 5): …`. Raises ValueError for a script that begins or ends
        a transaction.
        """
        ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commit at the end of the block; roll back if an exception or a cancellation leaves it.

        Costs nothing until its first statement. It has a time limit: beyond it, it is rolled back,
        and its next use and its commit raise TransactionLost.
        """
        ...

    def queue_store(self, settings: StoreSettings) -> Store:
        """A new store that keeps the messages of durable queues in this database.

        Has no side effects until it is opened. A kind whose databases have none says so in its
        `unsupported`, under `queues`, and is not asked for one.
        """
        ...


class BlockingTransaction(JoinableTransaction, Protocol):
    """`Transaction`, for threads."""

    def query(self, text: str, parameters: Parameters = ()) -> list[Row]: ...

    def query_one(self, text: str, parameters: Parameters = ()) -> Row | None: ...

    def execute(self, text: str, parameters: Parameters = ()) -> Result: ...

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Result: ...

    def executescript(self, script: str) -> None: ...


class BlockingDatabase(Protocol):
    """`Database`, for threads: a call blocks until its outcome is there; on an event loop it raises
    RuntimeError."""

    @property
    def dialect(self) -> Dialect: ...

    def query(self, text: str, parameters: Parameters = ()) -> list[Row]: ...

    def query_one(self, text: str, parameters: Parameters = ()) -> Row | None: ...

    def execute(self, text: str, parameters: Parameters = ()) -> Result: ...

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Result: ...

    def executescript(self, script: str) -> None: ...

    def transaction(self) -> AbstractContextManager[BlockingTransaction]: ...


Transactions = Callable[[], AbstractAsyncContextManager[Transaction]]
"""Opens a transaction for each call, as `Database.transaction` does."""
