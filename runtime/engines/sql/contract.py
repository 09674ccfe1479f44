"""The contract of SQL databases: all that handlers, queues and kinds may ask of any of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from runtime.engines.sql.builder.dialect import Dialect
from runtime.service import Unavailable

if TYPE_CHECKING:
    from runtime.clock import Clock
    from runtime.engines.queue.sql.store import Store, StoreSettings
    from runtime.engines.topic.contract import Broadcast

Parameters = Sequence[Any] | Mapping[str, Any]
Row = dict[str, Any]

Step = Callable[[Any], Any]
"""Work done inside a transaction by another part of the program.

It is called with the driver's own connection, and must neither commit nor roll back. What it
returns is the answer of the step; an exception that it raises or returns is raised to the caller.

For SQLite it is called in the writer's thread, with a `sqlite3.Connection`; what it did before it
raised is undone, and the transaction goes on. For PostgreSQL it is called on the event loop of the
database, with an `AsyncConnection` of psycopg whose statements have `$1`, and what it returns is
awaited if it can be; an exception that it returns leaves the transaction as it is, and one that it
raises loses it.
"""


class DatabaseClosed(Unavailable):
    """The database is not running: not started yet, stopped, or between two attempts."""


class TransactionLost(RuntimeError):
    """The transaction was rolled back before its end: it took too long, or the database ended it.

    Each further use of the transaction raises it, and so does the end of its block.
    """


class Uncertain(Unavailable):
    """The disk failed or the connection was lost during a commit: the change may or may not have
    been saved.
    """


class Json(msgspec.Struct, frozen=True):
    """A value that is bound as JSON: `jsonb` where the database has it, and else its text."""

    value: Any


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
    """Statements that are committed together or not at all.

    Portable code takes a statement that failed for the end of the transaction, as in PostgreSQL:
    its next use and its commit raise TransactionLost. SQLite undoes that statement alone and goes
    on. What may fail belongs into an `attempt`.
    """

    @property
    def blocking(self) -> BlockingTransaction:
        """The same transaction, for a plain function in a thread."""
        ...

    def attempt(self) -> AbstractAsyncContextManager[None]:
        """A part of the transaction that is undone by itself if an exception leaves its block.

            async with tx.attempt():
                await tx.execute("INSERT …")

        It is a savepoint, which is a round trip on a server. Attempts may be nested.
        """
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

    Placeholders are `?` with a sequence of parameters, and `:name` with a mapping. Parameters are
    str, bytes, int, float, bool, None, datetime, date, time, UUID, Decimal, Enum by its value, and
    Json; SQLite keeps those that it has no type for as the text that JSON has for them. Others
    raise TypeError before anything is sent. A statement outside of a transaction
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

    def long_transaction(
        self, *, foreign_keys: bool = True
    ) -> AbstractAsyncContextManager[Transaction]:
        """As `transaction`, without a time limit: for a change of the schema, before others start.

        Without `foreign_keys` SQLite does not enforce them meanwhile, as the rebuild of a table
        needs it; other databases ignore that.
        """
        ...

    async def executescript_outside(self, script: str) -> None:
        """Run the statements of a script outside of a transaction, without a time limit.

        Each is committed by itself. Errors are those of `executescript`.
        """
        ...

    def exclusive(self, key: str) -> AbstractAsyncContextManager[None]:
        """Hold the lock of a name, which one program at a time has: others wait for it.

        It ends with the program, however that ends. Raises Unavailable if the database cannot be
        reached, or was lost meanwhile.
        """
        ...

    def queue_store(self, settings: StoreSettings) -> Store:
        """A new store that keeps the messages of durable queues in this database.

        Has no side effects until it is opened. A kind whose databases have none says so in its
        `unsupported`, under `queues`, and is not asked for one.
        """
        ...

    def broadcast(self, topic: str, clock: Clock) -> Broadcast:
        """A new carrier of a topic's values to the other programs on this database.

        Has no side effects until it runs.
        """
        ...


class BlockingTransaction(JoinableTransaction, Protocol):
    """`Transaction`, for threads."""

    def attempt(self) -> AbstractContextManager[None]: ...

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
