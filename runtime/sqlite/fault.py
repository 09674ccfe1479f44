"""Fault: what goes wrong with a database, in words that name the statement and never a value."""

from __future__ import annotations

from copy import copy

from runtime.sqlite.statement import headline


class DatabaseClosed(RuntimeError):
    """The database is not running: not started yet, stopped, or between two attempts."""


class TransactionLost(RuntimeError):
    """The transaction was rolled back before its end: it took too long, or SQLite gave it up."""


def explained(error: Exception, text: str) -> Exception:
    """The same error, with the statement's first line in its text and no frames of our threads."""
    error.args = (f"{error}; in '{headline(text)}'", *error.args[1:])
    return error.with_traceback(None)


def shared(error: Exception, text: str) -> Exception:
    """A copy of an error that several statements have in common, for one of them."""
    return explained(copy(error), text)
