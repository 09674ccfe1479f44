"""The files of the runtime that a request passes on its way to the handler are few."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import FrameType

import runtime
from runtime.application.application import Application
from runtime.engines.web.protocol.connection import Connection
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.program import write_application
from tests.support.serving import SOON, Client, run

RUNTIME = Path(runtime.__file__).parent
MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - name: ep
    kind: http.endpoint
    meta: {router: router}
    method: POST
    path: /tasks
    func: create
  - {name: create, kind: function.python, source: file://create.py, modules: [queue]}
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: driver}
"""
HANDLER = """
from runtime.modules import queue

async def main(request):
    return {"id": await queue.publish("tasks", await request.json())}
"""


def test_a_post_passes_at_most_twelve_files_until_its_handler(tmp_path: Path) -> None:
    handler = write_application(tmp_path, MANIFEST, **{"create.py": HANDLER}) / "create.py"

    visits = run(post(tmp_path, Profile(handler)))

    # What the loop did beside a request, such as looking for expired clients, is not in all.
    files = set.intersection(*visits)
    assert "engines/web/protocol/connection.py" in files
    assert "handlers/invocation.py" in files
    assert len(files) <= 12, files


class Profile:
    """Notes the files of the runtime whose functions are called until a handler is."""

    def __init__(self, handler: Path) -> None:
        self.visits: list[set[str]] = []
        self._handler = str(handler)
        self._seen: set[str] | None = None

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event != "call":
            return
        if frame.f_code is Connection.data_received.__code__:
            self._seen = set()
        if self._seen is None:
            return
        file = frame.f_code.co_filename
        if file == self._handler:
            self.visits.append(self._seen)
            self._seen = None
        elif Path(file).is_relative_to(RUNTIME):
            self._seen.add(str(Path(file).relative_to(RUNTIME)))


async def post(folder: Path, profile: Profile) -> list[set[str]]:
    """Run the application and post to it three times, under the profile."""
    stop, addresses = asyncio.Event(), asyncio.get_running_loop().create_future()
    application = Application(link(read(folder, [], {}), Registry()), on_ready=addresses.set_result)
    serving = asyncio.ensure_future(application.serve(stop))
    try:
        (address,) = await asyncio.wait_for(addresses, SOON)
        client = Client(*await asyncio.open_connection("127.0.0.1", int(address.split(":")[-1])))
        sys.setprofile(profile)
        try:
            for number in range(3):
                answer = await client.get("/tasks", method="POST", body=b"%d" % number)
                assert answer.json()["id"]
        finally:
            sys.setprofile(None)
        await client.close()
    finally:
        stop.set()
        await asyncio.wait_for(serving, SOON)
        application.forget()
    return profile.visits
