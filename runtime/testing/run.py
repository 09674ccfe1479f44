"""Run: an application for the time of a test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from runtime.testing.app import App
from runtime.testing.evidence import Evidence
from runtime.testing.host import Host
from runtime.testing.linked import linked


class running:
    """`with running(".") as app:` runs the application of a folder until the end of the block.

    `async with` does the same, and gives the same `App`, whose methods block.
    """

    def __init__(
        self,
        folder: str | Path = ".",
        *overrides: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`overrides` as after `-o`; `environment` has variables beside those of the process."""
        self._folder = Path(folder)
        self._overrides = overrides
        self._environment = environment
        self._data: tempfile.TemporaryDirectory[str] | None = None
        self._app: App | None = None

    def __enter__(self) -> App:
        """Raises ManifestError, StartError, and ValueError for an override."""
        self._data = tempfile.TemporaryDirectory(prefix="runtime-", dir=_fast_folder())
        evidence = Evidence(str(self._folder))

        def start() -> Host:
            assert self._data is not None
            manifest = linked(self._folder, self._overrides, self._environment)
            return Host(manifest, Path(self._data.name), evidence)

        try:
            self._app = App(start, evidence)
        except BaseException:
            evidence.ended = True
            self._data.cleanup()
            raise
        return self._app

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._app is not None
        assert self._data is not None
        try:
            self._app.stop()
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
