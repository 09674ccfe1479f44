"""What a cycle sends in parts is what uvicorn's sends, and it refuses what that refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from runtime.engines.web.protocol.cycle import Cycle
from runtime.engines.web.protocol.flow import Flow
from tests.support.serving import run

Send = Callable[[dict[str, Any]], Awaitable[None]]
DATE, LINES = (b"date", b"now"), b"date: now\r\n"


class Wire:
    """The transport of a cycle, and its client."""

    def __init__(self) -> None:
        self.sent = b""
        self.closed = self.completed = False
        self.flow = Flow(self)  # type: ignore[arg-type]

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        assert not self.completed
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def on_response_complete(self) -> None:
        self.completed = True

    def resume_reading(self) -> None: ...

    def break_off(self) -> None: ...


def ours(method: str, keep_alive: bool, wire: Wire) -> Send:
    made = Cycle(
        {"method": method},
        wire,  # type: ignore[arg-type]
        wire,
        LINES,
        keep_alive=keep_alive,
        expects_continue=False,
    )
    return made.send


def theirs(method: str, keep_alive: bool, wire: Wire) -> Send:
    made = RequestResponseCycle(
        scope={"method": method},  # type: ignore[typeddict-item]
        transport=wire,  # type: ignore[arg-type]
        flow=FlowControl(wire),  # type: ignore[arg-type]
        logger=None,  # type: ignore[arg-type]
        access_logger=None,  # type: ignore[arg-type]
        access_log=False,
        default_headers=[DATE],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=wire.on_response_complete,
    )
    return made.send  # type: ignore[return-value]


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes = b"", more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def length(count: bytes) -> tuple[bytes, bytes]:
    return b"Content-Length", count


RESPONSES = {
    "a whole one": [start(200, length(b"3")), body(b"abc")],
    "one in parts": [start(200, length(b"3")), body(b"ab", True), body(b"c")],
    "chunks": [start(201), body(b"ab", True), body(b"", True), body(b"c" * 20)],
    "chunks without an end of their own": [start(), body(b"ab", True), body()],
    "chunks that are announced": [start(200, (b"Transfer-Encoding", b"Chunked")), body(b"ab")],
    "chunks and a length": [
        start(200, (b"transfer-encoding", b"chunked"), length(b"2")),
        body(b"ab"),
    ],
    "a length and chunks": [
        start(200, length(b"9"), (b"transfer-encoding", b"chunked")),
        body(b"ab"),
    ],
    "an end of the connection": [start(200, (b"Connection", b"foo, CLOSE")), body()],
    "no body": [start(204), body()],
    "not modified": [start(304), body()],
    "an unknown status": [start(599, length(b"0")), body()],
    "too long": [start(200, length(b"3")), body(b"abcd")],
    "too short": [start(200, length(b"3")), body(b"ab")],
    "too short in parts": [start(200, length(b"3")), body(b"ab", True), body()],
    "a bad name": [start(200, (b"a b", b"c")), body()],
    "a bad value": [start(200, (b"a", b"b\nc")), body()],
    "a body first": [body(b"abc")],
    "two starts": [start(), start()],
    "more than the end": [start(), body(), body()],
    "a start after the end": [start(), body(), start()],
    "another message": [{"type": "http.response.trailers"}],
}


async def outcome(
    make: Callable[[str, bool, Wire], Send],
    messages: list[dict[str, Any]],
    method: str,
    keep_alive: bool,
) -> tuple[bytes, bool, bool, int | None]:
    """What was sent, whether it was closed and complete, and the number of the message refused."""
    wire = Wire()
    send = make(method, keep_alive, wire)
    refused = None
    for number, message in enumerate(messages):
        try:
            await send(message)
        except RuntimeError:
            refused = number
            break
    return wire.sent, wire.closed, wire.completed, refused


@pytest.mark.parametrize("keep_alive", [True, False], ids=["kept", "closed"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("messages", RESPONSES.values(), ids=RESPONSES)
def test_a_response_is_sent_as_by_uvicorn(
    messages: list[dict[str, Any]], method: str, keep_alive: bool
) -> None:
    async def main() -> None:
        made = await outcome(ours, messages, method, keep_alive)
        assert made == await outcome(theirs, messages, method, keep_alive)

    run(main())


@pytest.mark.parametrize("messages", RESPONSES.values(), ids=RESPONSES)
def test_nothing_is_sent_to_a_client_that_has_gone(messages: list[dict[str, Any]]) -> None:
    async def main() -> bytes:
        wire = Wire()
        made = Cycle(
            {"method": "GET"},
            wire,  # type: ignore[arg-type]
            wire,
            LINES,
            keep_alive=True,
            expects_continue=False,
        )
        made.disconnect()
        for message in messages:
            await made.send(message)
        return wire.sent

    assert run(main()) == b""
