"""Connection: open a database file, or say in one line why that is not possible."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from runtime import failpoint
from runtime.engines.sql.sqlite import file
from runtime.engines.sql.sqlite.busy_retry import BusyRetry
from runtime.engines.sql.sqlite.errors import FileLost, code
from runtime.engines.sql.sqlite.file import Identity
from runtime.service import StartError, Unavailable

Preparation = Callable[[sqlite3.Connection, "Settings"], None]

MEMORY = ":memory:"

DEFAULT_PRAGMAS: Mapping[str, str | int | bool] = {
    "journal_mode": "WAL",
    "synchronous": "NORMAL",
    "foreign_keys": True,
    "journal_size_limit": 16 * 2**20,
}

# Stored in the file, so only the writer sets them. The first two must come before the third.
_PERSISTENT = ("page_size", "auto_vacuum", "journal_mode")
_UNSYNCED = ("0", "1", "OFF", "NORMAL")
"""Values of `synchronous` with which a commit in WAL mode does not wait for the disk."""
_WORD = re.compile(r"-?[A-Za-z0-9_]+")
_STATEMENTS = 256
"""Compiled statements in the cache of a connection."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a database.

    `file` is a path or `:memory:`, `label` its name in logs and errors, `name` the database's own;
    `busy_timeout` is how many seconds a lock of another program is waited for.
    """

    file: str
    label: str
    name: str
    pragmas: Mapping[str, str | int | bool] = msgspec.field(default_factory=dict)
    busy_timeout: float
    file_mode: int
    """The permissions of a new file; what is there already keeps its own."""
    expected_file: Identity | None = None
    """The file that was open before: to open another one, or a new one, would hide its loss."""

    @property
    def waits_for_disk(self) -> bool:
        """True if each commit may wait for the disk, or if there is none."""
        pragmas = {**DEFAULT_PRAGMAS, **self.pragmas}
        mode, synchronous = (str(pragmas[name]).upper() for name in ("journal_mode", "synchronous"))
        return self.in_memory or mode != "WAL" or synchronous not in _UNSYNCED

    @property
    def in_memory(self) -> bool:
        return self.file == MEMORY


def open_writer(settings: Settings) -> sqlite3.Connection:
    """Open for writing; creates the file and its folders.

    Raises StartError for a file that cannot be used, Unavailable for one that is locked, FileLost
    for another file than the expected one.
    """
    if not settings.in_memory:
        check_identity(settings)
        file.prepare(Path(settings.file), settings.label, settings.file_mode)
    connection = _open(settings, _prepare_writer)
    if not settings.in_memory:
        with closed_on_error(connection):
            file.mark_open(settings.file)
    return connection


def open_reader(settings: Settings) -> sqlite3.Connection:
    """Open a read-only connection to a file that has a writer."""
    check_identity(settings)
    return _open(settings, _prepare_reader)


def identity(settings: Settings) -> Identity | None:
    """The identity of the file; None in memory, or if there is no file."""
    return None if settings.in_memory else file.identity(settings.file)


def check_identity(settings: Settings) -> None:
    """Raise FileLost if the file at the path is not the expected one."""
    if settings.expected_file is None:
        return
    try:
        found = identity(settings)
    except OSError:
        return  # it cannot be told; SQLite will meet the same error
    if found == settings.expected_file:
        return
    event, advice = (
        ("deleted or moved", "put it back, or start the program again to begin with an empty one")
        if found is None
        else ("replaced", "put the first file back, or start the program again to use this one")
    )
    raise FileLost(f"'{settings.label}' was {event} while the program used it; {advice}")


def connect(file: str, **options: Any) -> sqlite3.Connection:
    """A connection in autocommit mode; a test may have its statements fail by a failpoint."""
    if failpoint.is_armed("sqlite.execute"):
        from runtime.engines.sql.sqlite.failing_connection import FailingConnection

        options["factory"] = FailingConnection
    connection: sqlite3.Connection = sqlite3.connect(file, isolation_level=None, **options)
    return connection


@contextmanager
def closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """Close a connection whose opening does not succeed. From Python 3.13 on, one that is left to
    the garbage collector is warned of.
    """
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _open(settings: Settings, prepare: Preparation) -> sqlite3.Connection:
    try:
        connection = connect(
            settings.file,
            timeout=0,  # BusyRetry waits
            check_same_thread=False,  # LoopAccess has one thread at a time use it
            cached_statements=_STATEMENTS,
        )
    except sqlite3.Error as error:
        raise _open_error(error, settings.label) from None
    with closed_on_error(connection):
        try:
            BusyRetry(settings.busy_timeout)(lambda: prepare(connection, settings))
        except sqlite3.Error as error:
            raise _open_error(error, settings.label) from None
    return connection


def _prepare_writer(connection: sqlite3.Connection, settings: Settings) -> None:
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    pragmas = {**DEFAULT_PRAGMAS, **settings.pragmas}
    for name in (*_PERSISTENT, *(name for name in pragmas if name not in _PERSISTENT)):
        if name in pragmas:
            _set(connection, name, pragmas[name])
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if not settings.in_memory and mode.lower() != str(pragmas["journal_mode"]).lower():
        raise StartError(
            f"'{settings.label}' stays in journal mode '{mode}', wanted "
            f"'{pragmas['journal_mode']}'; set pragmas.journal_mode to what its disk can do"
        )
    # A file that cannot be written fails here, not at the first insert.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def _prepare_reader(connection: sqlite3.Connection, settings: Settings) -> None:
    for name, value in {**DEFAULT_PRAGMAS, **settings.pragmas}.items():
        if name not in _PERSISTENT:
            _set(connection, name, value)
    connection.execute("PRAGMA query_only = 1")


def _set(connection: sqlite3.Connection, name: str, value: str | int | bool) -> None:
    text = str(int(value)) if isinstance(value, bool) else str(value)
    if not (_WORD.fullmatch(name) and _WORD.fullmatch(text)):
        raise StartError(f"pragma '{name}' is '{text}', wanted a word or an integer")
    connection.execute(f"PRAGMA {name} = {text}").fetchall()


def _open_error(error: sqlite3.Error, label: str) -> StartError | Unavailable:
    match code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(f"'{label}' is locked by another program")
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return Unavailable(f"'{label}' cannot be used: {error}")
        case sqlite3.SQLITE_NOTADB:
            return StartError(f"'{label}' is not an SQLite database; it was left as it is")
        case sqlite3.SQLITE_CORRUPT:
            return StartError(f"'{label}' is damaged ({error}); it was left as it is")
        case sqlite3.SQLITE_READONLY:
            return StartError(f"'{label}' is read-only; the database must be writable")
    if _no_descriptor_left():
        return StartError(f"cannot open '{label}': {file.NO_DESCRIPTOR_LEFT}")
    return StartError(f"cannot open '{label}': {error}")


def _no_descriptor_left() -> bool:
    """True if that is why SQLite could not open a file, which it does not say."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return True
    return False
