"""An application that is served in this process, to apply changed manifests to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from runtime.application.application import Application
from runtime.exit_codes import ExitCode
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.registry import Registry
from runtime.supervision.child import Child
from tests.support.blackbox import write_files
from tests.support.serving import Client

COMMON = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /tasks, func: put}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /old, func: show}
  - {name: put, kind: function.python, source: file://put.py, modules: [http, queue]}
  - {name: show, kind: function.python, source: file://h.py, method: show}
  - {name: take, kind: function.python, source: file://h.py, method: take}
  - {name: driver, kind: queue.driver.memory, lifecycle: {auto_start: true}}
  - {name: tasks, kind: queue.queue, driver: driver, retry: {initial_delay: 1s}}
  - {name: other, kind: queue.queue, driver: driver}
  - name: worker
    kind: queue.consumer
    queue: other
    func: take
    lifecycle: {auto_start: true, requires: [host]}
  - {name: host, kind: process.host, lifecycle: {auto_start: true}}
  - {name: poll, kind: process.python, source: file://h.py, method: poll}
"""
POLLER = """
  - {name: poller, kind: process.service, process: poll, host: host, lifecycle: {auto_start: true}}
"""
LATE = """
  - {name: late, kind: queue.consumer, queue: tasks, func: take, lifecycle: {auto_start: true}}
"""
BEFORE = COMMON + POLLER
AFTER = COMMON.replace("/old", "/new").replace("initial_delay: 1s", "initial_delay: 5s") + LATE
FILES = {
    "put.py": """
        from runtime.modules import http, queue

        async def main():
            await queue.publish("tasks", await http.request().json())
    """,
    "h.py": """
        import asyncio

        taken = []
        all_taken = asyncio.Event()

        async def take(body):
            taken.append(body)
            if len(taken) == 3:
                all_taken.set()

        async def show(body=None):
            await asyncio.wait_for(all_taken.wait(), 10)
            return taken

        async def poll(value=None):
            await asyncio.sleep(1000)
    """,
}


class Site:
    """A served application in this process, and a connection to it."""

    def __init__(self, application: Application, folder: Path, client: Client) -> None:
        self.application = application
        self.client = client
        self._folder = folder

    async def apply(self, manifest: str) -> None:
        await self.application.apply(linked(self._folder, manifest))

    def children(self) -> Collection[Child]:
        """The services that run."""
        assert self.application.supervisor is not None
        return self.application.supervisor.children.values()

    def component(self, name: str) -> Any:
        return self.application.scope.component(name, "app")


def linked(folder: Path, manifest: str) -> LinkedManifest:
    write_files(folder, {"_index.yaml": manifest, **FILES})
    return link(read(folder), Registry())


@contextlib.asynccontextmanager
async def served(
    folder: Path, manifest: str = BEFORE, code: ExitCode = ExitCode.OK
) -> AsyncIterator[Site]:
    """Serve the application, and check in the end that it stops with that exit code."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[Sequence[str]] = loop.create_future()
    application = Application(linked(folder, manifest), on_ready=ready.set_result)
    stop = asyncio.Event()
    serving = asyncio.create_task(application.serve(stop))
    try:
        (address,) = await asyncio.wait_for(ready, 10)
        port = int(address.rpartition(":")[2])
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        try:
            yield Site(application, folder, client)
        finally:
            await client.close()
    finally:
        stop.set()
        ended = await asyncio.wait_for(serving, 20)
        application.forget()
    assert ended is code


def changes(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The starts and stops of services since the log was cleared, without times."""
    texts = [each.getMessage() for each in caplog.records if each.name.startswith("runtime")]
    return [text.partition(" (")[0] for text in texts]
