"""Clients and handlers that are slower than the other side."""

from __future__ import annotations

import asyncio
from pathlib import Path

from runtime.engines.web.websocket.websocket import WebSocket
from tests.support.serving import BOTH, SOON, run
from tests.support.sockets import (
    SEEN,
    TEXT,
    Site,
    frame,
    on_sockets,
    seen,
    socket_entry,
)

BIG = 1 << 20


@BOTH
def test_a_client_that_reads_slowly_has_the_handler_wait(tmp_path: Path, loop: str) -> None:
    code = f"""{SEEN}
    async def pours(socket):
        for count in range(1000):
            sending = asyncio.ensure_future(socket.send(b"x" * {BIG}))
            done, _ = await asyncio.wait([sending], timeout=0.5)
            if not done:
                seen.put_nowait(count)
                await sending
                break
    """
    entries = "".join(map(socket_entry, ("watch", "pours")))

    async def test(site: Site) -> None:
        async with site.raw("/pours") as socket:
            count = await seen(site)
            assert count < 100
            assert [await socket.frame() for _ in range(count + 1)]
            assert await socket.closed() == 1000

    on_sockets(tmp_path, entries, code, test, loop=loop)


@BOTH
def test_a_handler_that_does_not_read_has_the_client_wait_and_loses_nothing(
    tmp_path: Path, loop: str
) -> None:
    code = """
    go = asyncio.Event()

    async def idles(socket):
        await go.wait()
        count = 0
        async for message in socket:
            count += 1
            if message == "end":
                break
        await socket.send(count)

    async def start(socket):
        go.set()
    """
    entries = socket_entry("idles") + socket_entry("start")
    message = frame(TEXT, b"x" * 50_000)

    async def test(site: Site) -> None:
        async with site.raw("/idles") as socket:
            writer = socket.client.writer

            async def pour() -> int:
                for _ in range(400):
                    writer.write(message)
                    await writer.drain()
                writer.write(frame(TEXT, b"end"))
                return 401

            pouring = asyncio.ensure_future(pour())
            done, _ = await asyncio.wait([pouring], timeout=0.5)
            assert not done
            async with site.open("/start"):
                pass
            count = await asyncio.wait_for(pouring, SOON)
            assert await socket.frame() == (TEXT, str(count).encode())

    on_sockets(tmp_path, entries, code, test, loop=loop)


def test_a_handler_that_never_waits_leaves_the_others_their_turn() -> None:
    class Ready:
        end = None

        async def receive(self) -> str:
            return "x"

        async def send(self, message: str | bytes) -> None:
            pass

        def close(self, code: int, reason: str) -> None:
            pass

    async def main() -> None:
        socket = WebSocket(Ready(), None, None)  # type: ignore[arg-type]
        others = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(others.set_result, None)
        async for _ in socket:
            if others.done():
                break
        others = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(others.set_result, None)
        while not others.done():
            await socket.send("x")

    run(main())
