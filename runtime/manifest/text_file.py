"""Text file: a file that a user named, read without trusting what it is or holds."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class Unreadable(Exception):
    """The file cannot be read; the text says why: `not a file`, `permission denied`."""

    def __init__(self, reason: str, hint: str | None = None, missing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.missing = missing
        """True if there is no such file."""
        self.line = self.column = 1
        """Position of the fault, from one."""


def read_text(path: Path, most: int) -> str:
    """Read a regular file of at most `most` bytes of UTF-8; a byte order mark is left out.

    Pipes and devices are refused without opening them for good: reading one may never end.
    Raises Unreadable.
    """
    try:
        # O_NONBLOCK: to open a pipe that nobody writes to would wait
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise Unreadable("a folder, not a file" if stat.S_ISDIR(mode) else "not a file")
            data = file.read(most + 1) or b""  # None from a special file that has nothing now
    except IsADirectoryError:
        raise Unreadable("a folder, not a file") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Unreadable(reason, missing=isinstance(error, FileNotFoundError)) from None
    except ValueError:  # a NUL in the path
        raise Unreadable("not the name of a file") from None
    if len(data) > most:
        raise Unreadable(f"larger than {_size(most)}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        unreadable = Unreadable("not UTF-8 text", "save the file as UTF-8")
        before = data[: error.start].decode("utf-8", "replace")
        unreadable.line = before.count("\n") + 1
        unreadable.column = len(before) - (before.rfind("\n") + 1) + 1
        raise unreadable from None


def _size(count: int) -> str:
    mebibytes, rest = divmod(count, 1024 * 1024)
    return f"{count // 1024} KiB" if rest or not mebibytes else f"{mebibytes} MiB"
