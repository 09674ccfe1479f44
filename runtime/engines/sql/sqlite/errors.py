"""Fault: what goes wrong with a database, in words that name the statement and never a value."""

from __future__ import annotations

import sqlite3
from copy import copy

from runtime.engines.sql.sqlite.statement import headline
from runtime.service import Unavailable

_LATER = {
    sqlite3.SQLITE_BUSY: "",
    sqlite3.SQLITE_FULL: "the disk is full: ",
    sqlite3.SQLITE_IOERR: "the disk failed: ",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened: ",
    sqlite3.SQLITE_READONLY: "the file cannot be written: ",
}
"""Faults that are not the statement's: they may be gone later, with nothing changed in here."""


class FileLost(Unavailable):
    """The file at the database's path is not the one that is open."""


class Uncertain(Unavailable):
    """The disk failed while a change was committed: whether it is kept is not known."""


def code(error: BaseException) -> int:
    """SQLite's primary result code of an error; 0 for an error that is not SQLite's."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_passing(error: BaseException) -> bool:
    """Whether it is a fault of the disk or a lock, which may be gone later."""
    return code(error) in _LATER


def is_of_the_disk(error: BaseException) -> bool:
    """Whether the disk failed, so that a connection may believe what the file does not have."""
    return code(error) == sqlite3.SQLITE_IOERR


def unavailable(error: Exception) -> Unavailable:
    """What is told of a fault to who is no caller of a statement."""
    if isinstance(error, Unavailable):
        return copy(error)
    return Unavailable(f"the database did not take it: {_LATER.get(code(error), '')}{error}")


def uncertain(error: Exception) -> Uncertain:
    return Uncertain(f"the disk failed ({error}), and whether the change is kept is not known")


def explained(error: Exception, text: str) -> Exception:
    """What the caller of a statement is told, with its first line and no frames of our threads.

    That is the same error, or Unavailable in place of a passing one of `sqlite3`.
    """
    if is_passing(error):
        return Unavailable(f"{_LATER[code(error)]}{error}; in '{headline(text)}'")
    error.args = (f"{error}; in '{headline(text)}'", *error.args[1:])
    return error.with_traceback(None)


def shared(error: Exception, text: str) -> Exception:
    """A copy of an error that several statements have in common, for one of them."""
    return explained(copy(error), text)
