"""Run: an application for the time of a test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from runtime.testing.app import App
from runtime.testing.life import Life
from runtime.testing.linked import Wish


class running:
    """`with running(".") as app:` runs the application of a folder until the end of the block.

    `async with` does the same, and gives the same `App`, whose methods block.
    """

    def __init__(
        self,
        folder: str | Path = ".",
        *overrides: str,
        files: Sequence[str | Path] = (),
        environment: Mapping[str, str] | None = None,
        durable: bool = False,
        editable: bool = False,
    ) -> None:
        """`overrides` as after `-o`, `files` as after `-f`; `environment` has variables beside
        those of the process. With `durable`, queues in memory are kept in the application's
        database, so that `crash` and `restart` have something to lose. With `editable`, a copy of
        the folder runs, whose files `reload` may change.
        """
        paths = tuple(map(Path, files))
        self._wish = Wish(Path(folder), overrides, paths, environment or {}, durable, editable)
        self._data: tempfile.TemporaryDirectory[str] | None = None
        self._life: Life | None = None

    def __enter__(self) -> App:
        """Raises ManifestError, StartError, and ValueError for an override."""
        self._data = tempfile.TemporaryDirectory(prefix="runtime-", dir=_fast_folder())
        try:
            self._life = Life(self._wish, Path(self._data.name))
        except BaseException:
            self._data.cleanup()
            raise
        return App(self._life)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._life is not None
        assert self._data is not None
        try:
            self._life.stop()
        finally:
            self._data.cleanup()

    async def __aenter__(self) -> App:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


_IN_MEMORY = "/dev/shm"
_ROOM = 256 * 1024 * 1024


def _fast_folder() -> str | None:
    """A folder in memory if there is one, else None for the usual one: a sync of a disk takes
    milliseconds, and nothing of a test has to survive a power failure.
    """
    if "TMPDIR" in os.environ or not os.access(_IN_MEMORY, os.W_OK):
        return None
    return _IN_MEMORY if shutil.disk_usage(_IN_MEMORY).free > _ROOM else None
