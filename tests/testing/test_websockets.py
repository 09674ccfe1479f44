"""WebSockets of a test: real ones, whose ends a test looks at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.testing import App, Closed, Refused, running
from tests.testing.application import write

CODE = """
    from runtime.modules import http

    async def echo(socket: http.WebSocket, who: str = "nobody"):
        session = socket.request.cookies.get("session", "none")
        await socket.send([who, session, socket.subprotocol])
        async for message in socket:
            if message == "leave":
                await socket.close(4001, "left")
            elif message == "sleep":
                await socket.receive()
            else:
                await socket.send(message)

    async def work(body):
        pass
"""
ECHO = (
    "  - {name: echo, kind: http.websocket, meta: {router: router}, path: /echo, "
    'func: "file://handlers.py#echo", subprotocols: [v1]}\n'
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with running(write(tmp_path, CODE, ECHO)) as app:
        yield app


def test_messages_are_sent_and_received_as_a_handler_does(app: App) -> None:
    app.cookies["session"] = "s"
    with app.websocket("/echo", params={"who": "ann"}, subprotocols=["v1"]) as socket:
        assert socket.receive_json() == ["ann", "s", "v1"]
        assert socket.subprotocol == "v1"
        for value, back in (("a", "a"), (b"b", b"b"), ({"c": 1}, '{"c":1}')):
            socket.send(value)
            assert socket.receive() == back


def test_the_end_has_the_code_and_the_reason(app: App) -> None:
    with app.websocket("/echo") as socket:
        socket.send("leave")
        assert list(socket) == ['["nobody","none",null]']
        end = socket.closed()
        assert (end.code, end.reason) == (4001, "left")
        with pytest.raises(Closed, match="4001 left"):
            socket.receive()
        with pytest.raises(Closed):
            socket.send("more")


def test_a_refusal_has_the_whole_answer(app: App) -> None:
    for path, headers, status in (("/none", {}, 404), ("/echo", {"Origin": "http://a.b"}, 403)):
        with pytest.raises(Refused) as refused:
            app.websocket(path, headers=headers)
        assert refused.value.answer.status == status
        assert refused.value.answer.json()["status"] == status
        assert refused.value.answer.headers["content-type"] == "application/problem+json"


def test_a_message_that_does_not_come_is_told_with_the_place_of_the_handler(app: App) -> None:
    with app.websocket("/echo", limit=0.2) as socket:
        socket.receive()
        socket.send("sleep")
        with pytest.raises(TimeoutError, match=r"no message within 0.2 s"):
            socket.receive()
