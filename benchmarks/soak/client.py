"""Client: a connection for requests, an event stream or a WebSocket, as cheap as load must be."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator

LIMIT = 10.0
"""Seconds after which an answer counts as missing."""
HANDSHAKE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Lost(Exception):
    """The connection ended, or nothing came in time."""


class Client:
    """A connection to the program, opened by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> Client:
        try:
            async with asyncio.timeout(LIMIT):
                return cls(*await asyncio.open_connection("127.0.0.1", port))
        except (OSError, TimeoutError) as error:
            raise Lost(f"cannot connect: {error!r}") from None

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: str = "",
        seconds: float = LIMIT,
    ) -> tuple[int, bytes]:
        """The status and the body of an answer. Raises Lost if there is none in so many seconds."""
        self._send(method, path, body, headers)
        return await self._within(self._answer(), seconds)

    async def events(self, path: str, headers: str = "") -> AsyncIterator[bytes]:
        """The data of each event of a stream, until it ends. Raises Lost."""
        self._send("GET", path, b"", headers)
        head = await self._within(self._head())
        if not head.startswith("http/1.1 200"):
            raise Lost(head.partition("\r\n")[0])
        rest = b""
        while chunk := await self._within(self._chunk(), 30.0):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    yield line[5:].strip()

    async def messages(self, path: str) -> AsyncIterator[bytes]:
        """The messages of a WebSocket, until the server closes it. Raises Lost."""
        self._send("GET", path, b"", HANDSHAKE)
        head = await self._within(self._head())
        if not head.startswith("http/1.1 101"):
            raise Lost(head.partition("\r\n")[0])
        while True:
            opcode, payload = await self._within(self._frame(), 30.0)
            if opcode == CLOSE:
                return
            if opcode == PING:
                self.say(payload, PONG)
            elif opcode == TEXT:
                yield payload

    def say(self, payload: bytes, opcode: int = TEXT) -> None:
        """Send a frame of at most 125 bytes, with a mask that changes nothing."""
        self._writer.write(bytes([0x80 | opcode, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)

    def begin(self, length: int) -> None:
        """Send the head of a POST whose body does not follow."""
        head = f"POST /tasks HTTP/1.1\r\nHost: soak\r\nContent-Length: {length}\r\n\r\n{{"
        self._writer.write(head.encode())

    def close(self) -> None:
        self._writer.close()

    def vanish(self) -> None:
        """End the connection without a word, as a program that was killed does."""
        self._writer.transport.abort()

    def _send(self, method: str, path: str, body: bytes, headers: str) -> None:
        length = f"Content-Length: {len(body)}\r\n" if body or method == "POST" else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}{headers}\r\n"
        self._writer.write(head.encode() + body)

    async def _within(self, answer, seconds: float = LIMIT):
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            raise Lost(f"nothing in {seconds:g} s") from None
        except (OSError, EOFError) as error:
            raise Lost(f"the connection ended: {type(error).__name__}") from None

    async def _answer(self) -> tuple[int, bytes]:
        head = await self._head()
        status = int(head.split(" ", 2)[1])
        if "content-length: " in head:
            length = head.partition("content-length: ")[2].partition("\r\n")[0]
            return status, await self._reader.readexactly(int(length))
        chunks = b""
        if "transfer-encoding: chunked" in head:
            while chunk := await self._chunk():
                chunks += chunk
        return status, chunks

    async def _head(self) -> str:
        return (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()

    async def _chunk(self) -> bytes:
        size = int(await self._reader.readuntil(b"\r\n"), 16)
        return (await self._reader.readexactly(size + 2))[:-2]

    async def _frame(self) -> tuple[int, bytes]:
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        return first & 0xF, await self._reader.readexactly(length)
