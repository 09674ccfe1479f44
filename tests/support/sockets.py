"""An application with WebSockets, served in this process, and clients that write their frames."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from runtime.clock import REAL, Clock
from tests.support.hosting import GATEWAY, Hosted, hosted
from tests.support.serving import SOON, Client, head, run

TEXT, BINARY, CLOSE, PING, PONG, MORE = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0
HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
ROUTER = "  - {name: router, kind: http.router, meta: {server: gateway}}\n"
HEADER = "import asyncio\nfrom typing import Annotated\nfrom runtime.modules import http\n\n"

ECHO = """
    async def echo(socket):
        async for message in socket:
            await socket.send(message)
"""
"""`echo` sends back what it receives."""
SEEN = """
    seen = asyncio.Queue()

    async def watch(socket):
        await socket.send([await seen.get()])
"""
"""`watch` tells a client what other handlers have put into `seen`."""


def socket_entry(name: str, path: str = "", **fields: object) -> str:
    """An entry that calls the function `name` of `h.py`."""
    more = "".join(f", {field}: {value}" for field, value in fields.items())
    return (
        f"  - {{name: {name}.socket, kind: http.websocket, meta: {{router: router}}, "
        f'path: "{path or "/" + name}", func: "file://h.py#{name}"{more}}}\n'
    )


class Site(Hosted):
    """A served application, whose WebSockets are opened by a library or by hand."""

    def open(self, path: str, **options: Any) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}{path}", compression=None, **options)

    @contextlib.asynccontextmanager
    async def raw(self, path: str, *headers: str) -> AsyncIterator[RawSocket]:
        """A connection that is open, on which frames are written as bytes."""
        client = await self.connect()
        client.send(head("GET", path, *HANDSHAKE, *headers))
        answer = await client.answer()
        assert answer.status == 101
        assert answer["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        try:
            yield RawSocket(client)
        finally:
            await client.close()


class RawSocket:
    def __init__(self, client: Client) -> None:
        self.client = client

    def send(self, *frames: bytes) -> None:
        self.client.send(b"".join(frames))

    async def frame(self) -> tuple[int, bytes]:
        """The opcode and the payload of the next frame."""
        async with asyncio.timeout(SOON):
            first, length = await self.client.reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack("!H", await self.client.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.client.reader.readexactly(8))
            return first & 0xF, await self.client.reader.readexactly(length)

    async def closed(self) -> int:
        """The code with which the server closes, after whatever else it sends."""
        while True:
            opcode, payload = await self.frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2])


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, bits: int = 0
) -> bytes:
    """A frame as a client sends it; `bits` are the reserved ones."""
    first, size = (0x80 if fin else 0) | bits | opcode, len(payload)
    mask = 0x80 if masked else 0
    if size < 126:
        length = bytes([first, mask | size])
    elif size < 1 << 16:
        length = bytes([first, mask | 126]) + struct.pack("!H", size)
    else:
        length = bytes([first, mask | 127]) + struct.pack("!Q", size)
    return length + (b"\0\0\0\0" if masked else b"") + payload  # a mask that changes nothing


def on_sockets(
    folder: Path,
    entries: str,
    code: str,
    test: Callable[[Site], Coroutine[Any, Any, None]],
    *,
    loop: str = "asyncio",
    files: Mapping[str, str] | None = None,
    clock: Clock = REAL,
    then: Callable[[], Awaitable[Any]] | None = None,
) -> None:
    """Serve these entries, with `code` as their `h.py`, for the time of a test, and `then` wait."""

    async def main() -> None:
        written = {"h.py": HEADER + dedent(code), **(files or {})}
        async with hosted(folder, GATEWAY + ROUTER + entries, written, clock=clock) as site:
            site.__class__ = Site
            assert isinstance(site, Site)
            await test(site)
        if then is not None:
            await then()

    run(main(), loop)


async def received(connection: ClientConnection) -> str | bytes:
    return await asyncio.wait_for(connection.recv(), SOON)


async def seen(site: Site) -> Any:
    async with site.open("/watch") as client:
        return json.loads(await received(client))[0]
