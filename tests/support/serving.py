"""What the tests of the web engine share: a served application, and clients on raw sockets."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from runtime.clock import REAL, Clock
from runtime.engines.web.address import Address
from runtime.engines.web.deadline import with_deadline
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Group, Route, Routes
from runtime.engines.web.server import Server
from runtime.engines.web.timeouts import Timeouts
from runtime.telemetry import OFF, Telemetry

GROUP = Group()
PATIENT = Timeouts(header=600.0, read=600.0, write=600.0, idle=600.0)
SOON = 30.0
BOTH = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def run(main: Coroutine[Any, Any, Any], loop: str = "asyncio") -> Any:
    """Run a test's coroutine; nothing here may take longer than it takes to notice a hang."""

    async def limited() -> Any:
        return await asyncio.wait_for(main, 20)

    factory = uvloop.new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(limited())


def route(
    method: str,
    path: str,
    handler: Callable[[Exchange], Awaitable[Any]],
    *,
    group: Group = GROUP,
    timeout: float | None = None,
    clock: Clock = REAL,
) -> Route:
    if timeout is not None:
        handler = with_deadline(handler, timeout, clock, f"{method} {path}", "app:handler")
    return Route(method=method, path=path, handler=handler, group=group, name="app:handler")


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    closed: bool = False
    names: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = dict(self.headers)

    def __getitem__(self, name: str) -> str:
        return self.names[name]

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection, on which bytes are written and answers read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, head: bool = False) -> Answer:
        """Read one whole response."""
        async with asyncio.timeout(SOON):
            raw = await self.reader.readuntil(b"\r\n\r\n")
            lines = raw.decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            pairs = [line.split(": ", 1) for line in lines[1:] if line]
            headers = [(name.lower(), value) for name, value in pairs]
            names = dict(headers)
            body = b""
            if head or status in (204, 304) or 100 <= status < 200:
                pass
            elif names.get("transfer-encoding") == "chunked":
                while size := int(await self.reader.readline(), 16):
                    body += await self.reader.readexactly(size)
                    await self.reader.readexactly(2)
                await self.reader.readexactly(2)
            else:
                body = await self.reader.readexactly(int(names["content-length"]))
        return Answer(status, headers, body)

    async def get(self, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
        self.send(head(method, path, *headers, body=body) + body)
        return await self.answer(head=method == "HEAD")

    async def ended(self) -> bytes:
        """Wait until the server has closed; what came before that."""
        async with asyncio.timeout(SOON):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


def head(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    length = (f"Content-Length: {len(body)}",) if body else ()
    named = any(header.lower().startswith("host:") for header in headers)
    host = () if named else ("Host: test",)
    return "\r\n".join([f"{method} {path} HTTP/1.1", *host, *length, *headers, "", ""]).encode(
        "latin-1"
    )


class Reachable:
    """What listens on a port of this machine; each request has a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def connect(self, **options: Any) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port, **options))

    async def get(self, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
        client = await self.connect()
        try:
            return await client.get(path, *headers, method=method, body=body)
        finally:
            await client.close()


class Running(Reachable):
    """A server that runs; `stop()` ends it as the supervisor would."""

    def __init__(self, port: int, stop: asyncio.Event, task: asyncio.Task[None]) -> None:
        super().__init__(port)
        self.stop_event = stop
        self.task = task

    async def stop(self) -> None:
        self.stop_event.set()
        await asyncio.wait_for(asyncio.shield(self.task), SOON)


@asynccontextmanager
async def running(service: Any) -> AsyncIterator[Running]:
    """Run anything with `run(ready, stop)` that says its address."""
    stop = asyncio.Event()
    where: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(service.run(where.set_result, stop))
    await asyncio.wait([task, where], return_when=asyncio.FIRST_COMPLETED, timeout=SOON)
    if task.done():
        task.result()
    server = Running(int(where.result().rpartition(":")[2]), stop, task)
    try:
        yield server
    finally:
        stop.set()
        if not task.done():
            await asyncio.wait([task], timeout=SOON)
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()


@asynccontextmanager
async def served(
    routes: Iterable[Route],
    *,
    groups: Iterable[Group] = (GROUP,),
    max_body: int = 1 << 20,
    timeouts: Timeouts | None = None,
    telemetry: Telemetry = OFF,
    max_connections: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Running]:
    dispatcher = Dispatcher(max_body=max_body, telemetry=telemetry)
    dispatcher.serve(Routes(routes, groups))
    server = Server(
        dispatcher,
        Address("127.0.0.1", 0),
        timeouts=timeouts or PATIENT,
        max_connections=max_connections,
        tls=tls,
        name="app:gateway",
    )
    async with running(server) as serving:
        yield serving


async def hello(exchange: Exchange) -> str:
    return "hello"


async def echo(exchange: Exchange) -> bytes:
    return await exchange.request.body()


class Gate:
    """A handler that waits until the test lets it go."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> str:
        self.entered.set()
        await self.go.wait()
        return "late"


async def until_refused(server: Running) -> None:
    async with asyncio.timeout(SOON):
        while True:
            try:
                extra = await server.connect()
            except ConnectionError:
                return
            await extra.close()
