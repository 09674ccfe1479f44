"""Errors of a database, in words that name the statement and never a value."""

from __future__ import annotations

import sqlite3
from copy import copy

from runtime.engines.sql.contract import Uncertain
from runtime.engines.sql.sqlite.statement import headline
from runtime.service import Unavailable

_TRANSIENT = {
    sqlite3.SQLITE_BUSY: "",
    sqlite3.SQLITE_FULL: "the disk is full: ",
    sqlite3.SQLITE_IOERR: "the disk failed: ",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened: ",
    sqlite3.SQLITE_READONLY: "the file cannot be written: ",
}
"""Errors that no statement caused, and that may be over later, with nothing changed in here."""


class FileLost(Unavailable):
    """The file at the database's path is not the one that is open."""


def code(error: BaseException) -> int:
    """SQLite's primary result code of an error; 0 for an error that is not SQLite's."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_transient(error: BaseException) -> bool:
    """True for a lock, and for a disk or file error: it may be over later."""
    return code(error) in _TRANSIENT


def is_disk_error(error: BaseException) -> bool:
    """True if the disk failed: the connection's cache may then differ from the file."""
    return code(error) == sqlite3.SQLITE_IOERR


def as_unavailable(error: Exception) -> Unavailable:
    """The error to raise in a caller who wrote no statement."""
    if isinstance(error, Unavailable):
        return copy(error)
    return Unavailable(f"the database could not do it: {reason(error)}")


def reason(error: Exception) -> str:
    """The words for an error that no statement caused."""
    return f"{_TRANSIENT.get(code(error), '')}{error}"


def as_uncertain(error: Exception) -> Uncertain:
    return Uncertain(f"the disk failed ({error}); the change may or may not have been saved")


def explain(error: Exception, text: str) -> Exception:
    """The error to raise in the caller of a statement.

    It has the first line of the statement and no frames of our threads. It is the same error, or
    Unavailable in place of a transient one of `sqlite3`.
    """
    if is_transient(error):
        return Unavailable(f"{_TRANSIENT[code(error)]}{error}; in '{headline(text)}'")
    error.args = (f"{error}; in '{headline(text)}'", *error.args[1:])
    return error.with_traceback(None)


def explain_copy(error: Exception, text: str) -> Exception:
    """As `explain`, for one of several statements that failed with the same error."""
    return explain(copy(error), text)
