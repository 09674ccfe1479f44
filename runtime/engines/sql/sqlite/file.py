"""File: checks of a database file before SQLite opens it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from runtime.engines.sql.sqlite.creation import create_file, create_folders
from runtime.engines.sql.sqlite.mount import TABLE, mount_of
from runtime.findings.remark import Remark, State
from runtime.service import StartError
from runtime.units import format_size

NO_DESCRIPTOR_LEFT = "no file descriptor is left; raise `ulimit -n`"

_MAGIC = b"SQLite format 3\0"
_LEAST_FREE = 256 * 2**20
"""Bytes of a disk below which it is nearly full."""
_HEADER = 100
"""Bytes of the header; sqlite.org/fileformat2.html describes its fields."""


Identity = tuple[int, int]
"""Device and inode of a file, which it keeps when it is renamed."""

_opened: set[Identity] = set()
"""Files that SQLite opened in this process. They must not be opened and closed beside it: that
would drop all of the process's locks on them (POSIX), and another program could then remove the
journal that its connections use.
"""


def identity(path: str) -> Identity | None:
    """The identity of the file at a path; None if there is none. Raises OSError."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def mark_open(path: str) -> None:
    """Record that SQLite has opened the file, perhaps by several connections."""
    if (found := identity(path)) is not None:
        _opened.add(found)


def prepare(path: Path, label: str, mode: int) -> None:
    """Check that SQLite can use a database file, and create it and its folders if missing.

    Raises StartError with one line that calls the file `label`; no existing file is changed.
    """
    if "\0" in str(path):
        raise StartError(f"{label!r} is no path; it has a NUL in it")
    try:
        path = path.resolve()  # a link may lead to a file that is still to be made
        _prepare(path, label, mode)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise StartError(f"cannot use '{label}': {_reason(error)}") from None


def examine(path: Path, label: str) -> Iterator[Remark]:
    """Look at a database file, or at the folder that it would be made in. Changes nothing."""
    try:
        path = path.resolve()
        folder = path.parent
        while not folder.exists():
            folder = folder.parent
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        _check_mount(path, label)
        if path.exists():
            _check_existing(path, label)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StartError(f"'{folder}' is read-only, and '{label}' would be below it")
        free = shutil.disk_usage(folder).free
    except StartError as error:
        yield Remark(State.FAILURE, str(error))
        return
    except (OSError, RuntimeError) as error:
        yield Remark(State.FAILURE, f"cannot use '{label}': {_reason(error)}")
        return
    size = format_size(_size(path)) if path.exists() else "not made yet"
    text = f"'{label}' can be used ({size}, {format_size(free)} free)"
    if free < max(_LEAST_FREE, _size(path) // 4):
        yield Remark(State.WARNING, text, "a full disk refuses each write; make room")
    else:
        yield Remark(State.OK, text)


def _prepare(path: Path, label: str, mode: int) -> None:
    try:
        create_folders(path.parent, mode)
    except OSError as error:
        raise StartError(f"cannot make the folder of '{label}': {_reason(error)}") from None
    _check_mount(path, label)
    if path.exists():
        _check_existing(path, label)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StartError(
            f"the folder of '{label}' is read-only; SQLite keeps its journal beside the file"
        )
    try:
        if not path.exists():
            create_file(path, mode)
    except OSError as error:
        raise StartError(f"cannot create '{label}': {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return NO_DESCRIPTOR_LEFT
        return (error.strerror or "unknown reason").lower()
    return "a loop of symbolic links"


def _check_mount(path: Path, label: str) -> None:
    try:
        table = TABLE.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return  # not Linux, or hidden from us
    found = mount_of(path.resolve().parent, table)
    if found is not None and found.is_network:
        raise StartError(
            f"'{label}' lies on a network file system ({found.kind}, mounted at {found.point}), "
            "where locks cannot be trusted; move it to a local disk"
        )


def _check_existing(path: Path, label: str) -> None:
    if path.is_dir():
        raise StartError(f"'{label}' is a folder, not a database file")
    if not path.is_file():
        raise StartError(f"'{label}' is no regular file")
    if not os.access(path, os.R_OK):
        raise StartError(f"no permission to read '{label}'")
    if not os.access(path, os.W_OK):
        raise StartError(f"'{label}' is read-only; the database must be writable")
    if identity(str(path)) in _opened:
        return
    try:
        _check_header(path, label)
    except OSError as error:
        raise StartError(f"cannot read '{label}': {_reason(error)}") from None


def _check_header(path: Path, label: str) -> None:
    """Check what SQLite does not: it takes a very short file of another program for an empty
    database and overwrites it, and it does not notice a truncated last page."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
        size = os.fstat(file.fileno()).st_size
    if header and not _MAGIC.startswith(header[: len(_MAGIC)]):
        raise StartError(f"'{label}' is not an SQLite database; it was left as it is")
    if not size and _size(path.with_name(path.name + "-wal")):
        # SQLite would take the file for a new one, and delete its journal.
        raise StartError(f"'{label}' is empty, but its journal is not; both were left as they are")
    if len(header) == _HEADER and size < _header_size(header) and not _in_recovery(path):
        raise StartError(f"'{label}' is damaged (it is shorter than it says); it was left as it is")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _header_size(header: bytes) -> int:
    """Bytes of the file by its header; 0 if the number of pages in there is not valid."""
    page_size = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big") if header[24:28] == header[92:96] else 0
    return pages * (65536 if page_size == 1 else page_size)


def _in_recovery(path: Path) -> bool:
    """True if there is a journal, from which SQLite will recover the file."""
    return any(path.with_name(path.name + end).exists() for end in ("-wal", "-journal"))
