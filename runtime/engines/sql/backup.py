"""Backup: what a database kept in a file offers; those of a server have tools of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

Progress = Callable[[int, int], None]
"""Called with the number of pages that are copied, and of all."""


@runtime_checkable
class Restorable(Protocol):
    """A database that is copied to a file and back. Neither needs it to run; both block."""

    def back_up(self, target: Path, progress: Progress) -> None:
        """Write the database as it is now to a new file, whatever other programs write meanwhile.

        The file is checked before it has its name. Messages that are in flight are ready in it.
        Raises StartError, and then there is no such file.
        """
        ...

    def restore(self, source: Path, progress: Progress) -> Path | None:
        """Put a backup in the place of the database, which no program may have open.

        Returns the path of the file that was there before, which is kept. Raises StartError, and
        then nothing has changed.
        """
        ...
