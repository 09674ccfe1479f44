"""Reentrancy: the transactions that the current task or thread is in."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol
from weakref import ref

from runtime.engines.sql.contract import Database


class Entered(Protocol):
    """A transaction that somebody is in."""

    @property
    def database(self) -> Database: ...

    @property
    def is_open(self) -> bool: ...


# Never reset by token: an `async with` may be left in another context than it was entered in. Weak
# references, so that a transaction which a handler forgot to leave does not stay with the worker.
_entered: ContextVar[tuple[ref[Entered], ...]] = ContextVar("runtime.sql.transactions", default=())


def enter(transaction: Entered) -> None:
    _entered.set((*_entered.get(), ref(transaction)))


def leave(transaction: Entered) -> None:
    _entered.set(tuple(other for other in _entered.get() if other() not in (transaction, None)))


def forbid_reentry(database: Database) -> None:
    """Raise RuntimeError if the caller is in a transaction of the database."""
    if (entered := _entered.get()) and any(_is_open_in(each(), database) for each in entered):
        raise RuntimeError(
            f"'{database.label}' is in a transaction of this task, which would wait for itself; "
            "use that transaction: `tx` of the `with` block, or the consumer's `sql.transaction()`"
        )


def _is_open_in(transaction: Entered | None, database: Database) -> bool:
    return transaction is not None and transaction.database is database and transaction.is_open
