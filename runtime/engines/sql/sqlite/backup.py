"""Backup: a copy of a database file that is in use, and its way back.

A backup is one file without a journal, and it is checked before it has its name. Messages that were
in flight are ready in it: the programs that had them are not those that will use it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from runtime.engines.sql.backup import Progress
from runtime.engines.sql.sqlite.connection import Settings, connect
from runtime.engines.sql.sqlite.creation import create_file, create_folders, sync
from runtime.engines.sql.sqlite.errors import code
from runtime.service import StartError

_STEP = 1_000
"""Pages that are copied between two reports."""
_JOURNALS = ("-wal", "-shm", "-journal")


def back_up(settings: Settings, target: Path, progress: Progress) -> None:
    """As Restorable.back_up."""
    source = Path(settings.file)
    if settings.in_memory:
        raise StartError(f"'{settings.name}' is in memory, and its content ends with its program")
    if not source.exists():
        raise StartError(
            f"the database '{settings.name}' does not exist yet: there is no '{settings.file}'; "
            "if the application has run, name the folder in which it did"
        )
    if target.exists():
        raise StartError(f"'{target}' is there already; nothing was written")
    with _errors(settings.label, target), _copy(source, target, settings, progress):
        pass


def restore(settings: Settings, source: Path, progress: Progress) -> Path | None:
    """As Restorable.restore."""
    target = Path(settings.file)
    if settings.in_memory:
        raise StartError(f"'{settings.name}' is in memory; there is no file to put it into")
    if source.exists() and target.exists() and source.samefile(target):
        raise StartError(f"'{source}' is the database itself")
    with _errors(settings.label, target):
        create_folders(target.parent, settings.file_mode)
    with (
        _unused(settings) as is_whole,
        _errors(str(source), target),
        _copy(source, target, settings, progress),
    ):
        return _set_aside(target, is_whole) if target.exists() else None


@contextmanager
def _copy(source: Path, target: Path, settings: Settings, progress: Progress) -> Iterator[None]:
    """Make a checked copy beside the target; it gets that name at the end of the block."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        create_file(partial, settings.file_mode)
        with closing(_open(source, settings)) as origin, closing(connect(str(partial))) as copy:
            origin.execute("BEGIN")  # one snapshot, so that writers do not make it begin again
            _check(origin, str(source))
            origin.backup(
                copy, pages=_STEP, progress=lambda _, left, all: progress(all - left, all), sleep=0
            )
            copy.execute("PRAGMA journal_mode = DELETE")
            _release(copy)
            _check(copy, str(partial))
        _sync_file(partial)
        yield
        partial.rename(target)
        sync(target.parent)
    finally:
        for suffix in ("", *_JOURNALS):
            partial.with_name(partial.name + suffix).unlink(missing_ok=True)


def _open(file: Path, settings: Settings) -> sqlite3.Connection:
    """Open a file that is there. One without a journal may lie on a disk that is read-only."""
    has_journal = any(file.with_name(file.name + suffix).exists() for suffix in _JOURNALS)
    is_own = str(file) == settings.file
    mode = "mode=rw" if has_journal or is_own else "mode=ro&immutable=1"
    uri = f"file:{quote(str(file.resolve()))}?{mode}"
    return connect(uri, uri=True, timeout=settings.busy_timeout)


def _check(connection: sqlite3.Connection, label: str) -> None:
    """Raise StartError for a database that is damaged, or empty as a file of zero bytes is."""
    if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        raise StartError(f"'{label}' is empty")
    found = [text for (text,) in connection.execute("PRAGMA integrity_check(1)")]
    if found != ["ok"]:
        raise StartError(f"'{label}' is damaged: {found[0]}")


def _release(connection: sqlite3.Connection) -> None:
    # Imported here because the store imports this package; and most databases keep no queues.
    from runtime.engines.queue.sql.sqlite.rescue import release_all

    release_all(connection)


@contextmanager
def _unused(settings: Settings) -> Iterator[bool]:
    """Keep every other program from the file; true if it needs no journal.

    Raises StartError if a program has it open.
    """
    path = Path(settings.file)
    if not path.exists():
        yield False
        return
    with closing(connect(str(path), timeout=0)) as connection:
        try:
            # Each connection to a file in WAL mode has a lock on it, which this cannot share.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
            connection.execute("PRAGMA journal_mode = DELETE")
            is_whole = True
        except sqlite3.DatabaseError as error:
            if code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                text = f"'{settings.label}' is in use; stop the application first"
                raise StartError(text) from None
            is_whole = False  # it is damaged, which may be why it is replaced
        yield is_whole


def _set_aside(file: Path, is_whole: bool) -> Path:
    """Rename the file; its journals go with it if it needs them."""
    kept = file.with_name(f"{file.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    try:
        kept.hardlink_to(file)  # so that there is a database at any time
    except OSError:
        file.rename(kept)  # a file system without such links
    for suffix in _JOURNALS:
        part = file.with_name(file.name + suffix)
        if is_whole:
            part.unlink(missing_ok=True)
        elif part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return kept


def _sync_file(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _errors(label: str, target: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if code(error) == sqlite3.SQLITE_FULL:
            raise StartError(f"'{target}' cannot be written: the disk is full") from None
        raise StartError(f"'{label}' cannot be read: {error}") from None
    except OSError as error:
        if not target.parent.exists():
            raise StartError(f"there is no folder '{target.parent}'") from None
        reason = (error.strerror or "unknown reason").lower()
        raise StartError(f"'{error.filename or label}': {reason}") from None
