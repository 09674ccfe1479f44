"""Connection: opening a database file, or saying in one line why it cannot be."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runtime.kind import StartError, Unavailable
from runtime.sqlite import file

Preparation = Callable[[sqlite3.Connection, "Settings"], None]

MEMORY = ":memory:"

DEFAULT_PRAGMAS: Mapping[str, str | int | bool] = {
    "journal_mode": "WAL",
    "synchronous": "NORMAL",
    "foreign_keys": True,
}

# Kept in the file, so the writer alone sets them. The first two count only before the third.
_PERSISTENT = ("page_size", "auto_vacuum", "journal_mode")
_WORD = re.compile(r"-?[A-Za-z0-9_]+")
_STATEMENTS = 256
"""Compiled statements that a connection keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to open a database: `file` is a path or `:memory:`, `label` what errors call it."""

    file: str
    label: str
    pragmas: Mapping[str, str | int | bool] = field(default_factory=dict)
    busy_timeout: float = 5.0

    @property
    def in_memory(self) -> bool:
        return self.file == MEMORY


def open_writer(settings: Settings) -> sqlite3.Connection:
    """Open for writing, making file and folders.

    Raises StartError for a file that cannot be used, Unavailable for one that is locked.
    """
    if not settings.in_memory:
        file.prepare(Path(settings.file), settings.label)
    return _opened(settings, _prepare_writer)


def open_reader(settings: Settings) -> sqlite3.Connection:
    """Open a second connection to a file that has a writer; it refuses to write."""
    return _opened(settings, _prepare_reader)


def _opened(settings: Settings, prepare: Preparation) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            settings.file,
            timeout=settings.busy_timeout,
            isolation_level=None,
            cached_statements=_STATEMENTS,
        )
    except sqlite3.Error as error:
        raise _reason(error, settings.label) from None
    try:
        prepare(connection, settings)
    except sqlite3.Error as error:
        connection.close()
        raise _reason(error, settings.label) from None
    except BaseException:
        connection.close()
        raise
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
    connection.execute("BEGIN IMMEDIATE")  # fails now, not at the first insert, if it is to fail
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


def _reason(error: sqlite3.Error, label: str) -> StartError | Unavailable:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(f"'{label}' is locked by another program")
        case sqlite3.SQLITE_NOTADB:
            return StartError(f"'{label}' is not an SQLite database; it was left as it is")
        case sqlite3.SQLITE_CORRUPT:
            return StartError(f"'{label}' is damaged ({error}); it was left as it is")
        case sqlite3.SQLITE_READONLY:
            return StartError(f"'{label}' is read-only; the database must be writable")
    return StartError(f"cannot open '{label}': {error}")
