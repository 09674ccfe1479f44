"""An application of a manifest and some files, served in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from runtime.application.application import Application
from runtime.clock import REAL, Clock
from runtime.exit_codes import ExitCode
from runtime.findings.finding import Finding, ManifestError
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import write_files
from tests.support.serving import Reachable

GATEWAY = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
"""
"""The beginning of a manifest with a server."""


class Hosted(Reachable):
    """A served application."""

    def __init__(self, application: Application, folder: Path, port: int) -> None:
        super().__init__(port)
        self.application = application
        self._folder = folder

    async def apply(self, manifest: str, files: Mapping[str, str] | None = None) -> None:
        """Change to another manifest."""
        await self.application.apply(linked(self._folder, manifest, files or {}))


def linked(
    folder: Path,
    manifest: str,
    files: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
) -> LinkedManifest:
    write_files(folder, {"_index.yaml": manifest, **files})
    return link(read(folder, environment=environment or {}), Registry())


def remarks(folder: Path, manifest: str, files: Mapping[str, str]) -> Sequence[Finding]:
    """The findings about an application, or the notes if there are none."""
    try:
        return linked(folder, manifest, files).notes
    except ManifestError as error:
        return error.findings


@contextlib.asynccontextmanager
async def hosted(
    folder: Path,
    manifest: str,
    files: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    clock: Clock = REAL,
) -> AsyncIterator[Hosted]:
    """Serve the application, and check in the end that it stops with exit code 0."""
    ready: asyncio.Future[Sequence[str]] = asyncio.get_running_loop().create_future()
    found = linked(folder, manifest, files, environment)
    application = Application(found, on_ready=ready.set_result, clock=clock)
    stop = asyncio.Event()
    serving = asyncio.create_task(application.serve(stop))
    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED, timeout=10)
    try:
        assert ready.done(), "the application did not start"
        yield Hosted(application, folder, int(ready.result()[0].rpartition(":")[2]))
    finally:
        stop.set()
        ended = await asyncio.wait_for(serving, 20)
        application.forget()
    assert ended is ExitCode.OK


async def start_error(
    folder: Path,
    manifest: str,
    files: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
) -> str:
    """The reason why the application's services do not start."""
    application = Application(linked(folder, manifest, files, environment))
    try:
        assert await application.serve(asyncio.Event()) is ExitCode.START_FAILED
        assert application.supervisor is not None
        return application.supervisor.start_failed or ""
    finally:
        application.forget()
