"""SQL databases: what handlers, queues and other kinds may ask of any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

Parameters = Sequence[Any] | Mapping[str, Any]
Row = dict[str, Any]


class Result(Protocol):
    """What a statement did."""

    @property
    def rows_affected(self) -> int: ...

    @property
    def last_insert_id(self) -> int | None:
        """The key of the row inserted last, or None if the statement inserted none."""
        ...


class Transaction(Protocol):
    """Statements that happen together or not at all."""

    @property
    def blocking(self) -> BlockingTransaction:
        """The same transaction, for a plain function in a thread."""
        ...

    def abandon(self) -> None:
        """Roll it back now, although a thread may still use it: its next use raises."""
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


class Database(Protocol):
    """A database that runs. Calls may come from any task of any event loop.

    Placeholders are the database's own. Parameters are str, bytes, int, float, bool or None;
    others raise TypeError before anything is sent. A statement outside of a transaction is
    committed when its call returns. In a transaction of the same task, what would wait for that
    transaction raises RuntimeError at once.
    """

    @property
    def label(self) -> str:
        """What logs and errors call it."""
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

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commit when the block is left, roll back when an exception or a cancellation leaves it.

        Costs nothing until its first statement. It is held to a time limit: beyond it, it is
        rolled back, and its next use and its commit raise.
        """
        ...


class BlockingTransaction(Protocol):
    """`Transaction`, for threads."""

    def query(self, text: str, parameters: Parameters = ()) -> list[Row]: ...

    def query_one(self, text: str, parameters: Parameters = ()) -> Row | None: ...

    def execute(self, text: str, parameters: Parameters = ()) -> Result: ...


class BlockingDatabase(Protocol):
    """`Database`, for threads: a call waits for its outcome, and raises on an event loop."""

    def query(self, text: str, parameters: Parameters = ()) -> list[Row]: ...

    def query_one(self, text: str, parameters: Parameters = ()) -> Row | None: ...

    def execute(self, text: str, parameters: Parameters = ()) -> Result: ...

    def transaction(self) -> AbstractContextManager[BlockingTransaction]: ...
