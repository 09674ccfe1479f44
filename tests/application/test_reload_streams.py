"""An open event stream and an open WebSocket go on over reloads: the same connections, and every
message on them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.blackbox import write_files
from tests.support.changing import Site, linked, served
from tests.support.serving import SOON, Client, head, run

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: feed, kind: http.endpoint, method: GET, path: /feed, func: file://live.py#feed, answer: sse}
  - {name: talk, kind: http.websocket, path: /talk, func: file://live.py#talk}
  - {name: say, kind: http.endpoint, method: POST, path: /say, func: file://web.py#say}
  - {name: old, kind: http.endpoint, method: GET, path: /old, func: file://web.py#version}
  - {name: news, kind: event.topic}
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: driver}
  - {name: worker, kind: queue.consumer, queue: tasks, func: file://web.py#work, lifecycle: {auto_start: true}}
  - {name: beat, kind: schedule.cron, every: 1h, queue: tasks}
"""  # noqa: E501
LIVE = """
from runtime.modules import events

MARK = "old"

async def feed():
    news = events.listen("news")
    yield MARK
    async for text in news:
        yield MARK + " " + text

async def talk(socket):
    news = events.listen("news")
    await socket.send(MARK)
    async for text in news:
        await socket.send(MARK + " " + text)
"""
WEB = """
from runtime.modules import events
from .rules import VERSION

async def say(request):
    await events.send("news", (await request.body()).decode())

async def version():
    return {"version": VERSION}

async def work(body):
    pass
"""
FILES = {"live.py": LIVE, "web.py": WEB, "rules.py": "VERSION = 1\n"}
EDITED = {
    "code beside": {"rules.py": "VERSION = 2\n"},
    "their own code": {"live.py": LIVE.replace('"old"', '"new"')},
    "a function more": {"live.py": LIVE + "\nasync def more():\n    return 1\n"},
}
CHANGED = {
    "another route": MANIFEST.replace("path: /old", "path: /new"),
    "a consumer's concurrency": MANIFEST.replace(
        "queue: tasks, func", "concurrency: 3, queue: tasks, func"
    ),
    "a consumer less": "".join(line for line in MANIFEST.splitlines(True) if "worker" not in line),
    "another schedule": MANIFEST.replace("every: 1h", "every: 2h"),
    "limits of the server": MANIFEST.replace('0", ', '0", max_body: 1KiB, timeouts: {idle: 5s}, '),
    "a driver": MANIFEST.replace(
        "kind: queue.driver.memory}", "kind: queue.driver.memory, retention: 1h}"
    ),
}


class Listeners:
    """One event stream and one WebSocket, and what comes on them."""

    def __init__(self, stream: Client, socket: ClientConnection) -> None:
        self._stream = stream
        self._socket = socket

    async def hear(self, text: str) -> None:
        """Wait for this text on both, with nothing between it and the last one."""
        async with asyncio.timeout(SOON):
            line = b""
            while not line.startswith(b"data:"):
                line = await self._stream.reader.readline()
            assert line == f'data: "{text}"\n'.encode()
            assert await self._socket.recv() == text


@contextlib.asynccontextmanager
async def listening(site: Site, mark: str = "old") -> AsyncIterator[Listeners]:
    port = site.client.writer.get_extra_info("peername")[1]
    stream = Client(*await asyncio.open_connection("127.0.0.1", port))
    stream.send(head("GET", "/feed"))
    async with connect(f"ws://127.0.0.1:{port}/talk", compression=None) as socket:
        listeners = Listeners(stream, socket)
        await listeners.hear(mark)
        yield listeners
    await stream.close()


async def say(site: Site, text: str) -> None:
    assert (await site.client.get("/say", method="POST", body=text.encode())).status == 204


each_loop = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@each_loop
@pytest.mark.parametrize("what", EDITED)
def test_they_go_on_over_other_code(what: str, loop: str, tmp_path: Path) -> None:
    write_files(tmp_path, FILES)

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site, listening(site) as listeners:
            for number in range(3):
                await say(site, f"before {number}")
                await listeners.hear(f"old before {number}")
                write_files(tmp_path, EDITED[what] if number % 2 == 0 else FILES)
                plan = await site.application.apply(linked(tmp_path, MANIFEST))
                assert plan.done
                await say(site, f"after {number}")
                await listeners.hear(f"old after {number}")
            mark = "new" if what == "their own code" else "old"
            async with listening(site, mark) as others:
                await say(site, "to all")
                await listeners.hear("old to all")
                await others.hear(f"{mark} to all")

    run(main(), loop)


@each_loop
@pytest.mark.parametrize("what", CHANGED)
def test_they_go_on_over_another_manifest(what: str, loop: str, tmp_path: Path) -> None:
    write_files(tmp_path, FILES)

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site, listening(site) as listeners:
            for number, manifest in enumerate((CHANGED[what], MANIFEST)):
                await say(site, f"before {number}")
                await listeners.hear(f"old before {number}")
                plan = await site.application.apply(linked(tmp_path, manifest))
                assert plan.done
                await say(site, f"after {number}")
                await listeners.hear(f"old after {number}")

    run(main(), loop)
