"""Inside: the transactions that the present task or thread is in."""

from __future__ import annotations

from contextvars import ContextVar
from weakref import ref

from runtime.engines.sql.contract import Database
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction

# Never reset by token: an `async with` may be left in another context than it was entered in. Weak,
# so that one which a handler forgot to leave does not stay with the worker that called it.
_holds: ContextVar[tuple[ref[WriterTransaction], ...]] = ContextVar(
    "runtime.sqlite.holds", default=()
)


def enter(hold: WriterTransaction) -> None:
    _holds.set((*_holds.get(), ref(hold)))


def leave(hold: WriterTransaction) -> None:
    _holds.set(tuple(other for other in _holds.get() if other() not in (hold, None)))


def refuse_inside(database: Database) -> None:
    """Raise RuntimeError if the caller is in a transaction of the database, which would wait."""
    if (holds := _holds.get()) and any(_is_of(hold(), database) for hold in holds):
        raise RuntimeError(
            f"'{database.label}' is in a transaction of this task, which would wait for itself; "
            "use that transaction: `tx` of the `with` block, or the consumer's `sql.transaction()`"
        )


def _is_of(hold: WriterTransaction | None, database: Database) -> bool:
    return hold is not None and hold.database is database and hold.open
