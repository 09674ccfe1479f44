"""A response sent in one step is what `send` would have sent in several."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from runtime.engines.web.admission import Admission
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.protocol.connections import Connections
from runtime.engines.web.routes import Routes
from tests.support.serving import PATIENT, head, route, run


class Wire:
    """A transport that remembers what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def get_write_buffer_size(self) -> int:
        return 0


def written(request: bytes, handler: Callable[[Exchange], Awaitable[Any]], paused: bool) -> Wire:
    """What a connection writes for one request; `paused` if its client does not take it."""

    async def main() -> Wire:
        dispatcher = Dispatcher(max_body=100)
        methods = ["GET", "POST"]
        dispatcher.serve(Routes(route(method, "/x", handler) for method in methods))
        pool, wire = Connections(dispatcher, PATIENT, Admission(None, "")), Wire()
        connection = pool.connect()
        connection.connection_made(wire)  # type: ignore[arg-type]
        if paused:
            connection.pause_writing()
        connection.data_received(request)
        tasks = set(pool._shared.tasks)
        if paused:
            await asyncio.wait(tasks, timeout=0)
            assert wire.written == []
            connection.resume_writing()
        await asyncio.wait(tasks)
        assert connection._current.response_complete
        return wire

    wire: Wire = run(main())
    return wire


async def echoed(exchange: Exchange) -> Any:
    exchange.response.set_status(202)
    return {"got": (await exchange.request.body()).decode()}


async def parting(exchange: Exchange) -> str:
    exchange.response.set_header("Connection", "close")
    return "bye"


async def large(exchange: Exchange) -> bytes:
    return bytes(100_000)


async def nothing(exchange: Exchange) -> None: ...


async def refused(exchange: Exchange) -> None:
    raise HTTPError(404)


@pytest.mark.parametrize(
    ("request_", "handler", "closes"),
    [
        (head("POST", "/x", body=b"abc") + b"abc", echoed, False),
        (head("POST", "/x", "Connection: close", body=b"abc") + b"abc", echoed, True),
        (head("HEAD", "/x"), echoed, False),
        (head("GET", "/x"), nothing, False),
        (head("GET", "/x"), refused, False),
        (head("GET", "/x"), parting, True),
        (head("GET", "/x"), large, False),
    ],
)
def test_a_whole_answer_is_what_the_cycle_would_have_sent(
    request_: bytes, handler: Callable[[Exchange], Awaitable[Any]], closes: bool
) -> None:
    at_once = written(request_, handler, paused=False)
    in_parts = written(request_, handler, paused=True)

    def shown(wire: Wire) -> bytes:
        return re.sub(rb"x-request-id: .*", b"", b"".join(wire.written))

    assert shown(at_once) == shown(in_parts)
    assert at_once.closed is in_parts.closed is closes
    assert len(at_once.written) == 1 or handler in (parting, large)


def test_a_request_is_freed_without_the_collector() -> None:
    """Its task keeps its context, which has the current call, and so the exchange."""
    current: ContextVar[Exchange] = ContextVar("current")
    seen: list[weakref.ref[Wire]] = []

    async def remembered(exchange: Exchange) -> str:
        current.set(exchange)
        probe = Wire()
        exchange.scope["probe"] = probe
        seen.append(weakref.ref(probe))
        return "done"

    async def main() -> None:
        dispatcher = Dispatcher(max_body=100)
        dispatcher.serve(Routes([route("GET", "/x", remembered)]))
        pool = Connections(dispatcher, PATIENT, Admission(None, ""))
        connection = pool.connect()
        connection.connection_made(Wire())  # type: ignore[arg-type]
        for _ in range(2):
            connection.data_received(head("GET", "/x"))
            await asyncio.wait(set(pool._shared.tasks))

    gc.disable()
    try:
        run(main())
        assert seen[0]() is None  # the connection keeps the last one
    finally:
        gc.enable()
