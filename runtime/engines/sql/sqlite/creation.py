"""Creation: a new database file and its folders, for nobody to read but those who are meant to.

SQLite gives the journals of a database the mode of its file. Each new folder is synced into the one
above it, and the file into its folder: a commit that is on disk must not hang on an entry that is
not.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path


def create_folders(folder: Path, file_mode: int) -> None:
    """Create the folders that are missing, open to whoever may read the file. Raises OSError."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    mode = file_mode | 0o700 | (file_mode & 0o444) >> 2
    for new in reversed(missing):
        try:
            new.mkdir(mode)
        except FileExistsError:
            if new.is_dir():  # another program was faster
                continue
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        _set_mode(str(new), mode)
        sync(new.parent)


def create_file(file: Path, mode: int) -> None:
    """Create an empty file, unless there is one. Raises OSError."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        return
    try:
        _set_mode(descriptor, mode)
    finally:
        os.close(descriptor)
    sync(file.parent)


def _set_mode(path: str | int, mode: int) -> None:
    """Give a new file or folder the bits that the umask took from it."""
    found = stat.S_IMODE(os.stat(path).st_mode)
    if found & 0o777 != mode:
        with suppress(PermissionError):  # a file system without modes, such as vfat
            os.chmod(path, found & ~0o777 | mode)


def sync(folder: Path) -> None:
    """Have the entries of a folder on disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system that cannot sync folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
