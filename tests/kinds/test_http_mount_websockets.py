"""http.mount: the WebSockets of mounted applications."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.support.serving import BOTH
from tests.support.sockets import HANDSHAKE, Site, on_sockets, received, socket_entry

FAST = """
from fastapi import FastAPI, WebSocket, WebSocketDisconnect, WebSocketException
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

app = FastAPI()
ends = []

@app.get("/ends")
async def read():
    return ends

@app.websocket("/rooms/{room}")
async def rooms(socket: WebSocket, room: str, who: str = "x"):
    await socket.accept(subprotocol="v2", headers=[(b"x-own", b"1")])
    await socket.send_json([room, who, socket.url.path, socket.scope["root_path"]])
    try:
        while True:
            message = await socket.receive()
            if message.get("text") == "fail":
                raise ValueError("no bread")
            if "bytes" in message:
                await socket.send_bytes(message["bytes"])
            elif message["type"] == "websocket.disconnect":
                ends.append(message["code"])
                return
            else:
                await socket.send_text(message["text"])
    except WebSocketDisconnect as end:
        ends.append(end.code)

@app.websocket("/refused")
async def refused(socket: WebSocket):
    raise WebSocketException(1008)

@app.websocket("/denied")
async def denied(socket: WebSocket):
    await socket.send_denial_response(JSONResponse({"why": "not you"}, status_code=401))

@app.websocket("/bye")
async def bye(socket: WebSocket):
    await socket.accept()
    await socket.close(4002, "bye")
"""
ENTRIES = (
    '  - {name: fast, kind: http.mount, meta: {router: router}, path: /fast, app: "file://f.py#app",'
    " guards: [guard]}\n"
    "  - {name: guard, kind: http.guard, source: file://h.py, method: guard}\n"
)
CODE = """
    async def guard(request):
        if request.headers.get("x-key") == "bad":
            raise http.Error(401)

    async def echo(socket):
        await socket.send("ours")
"""


@BOTH
def test_a_fastapi_application_talks_over_its_websockets(tmp_path: Path, loop: str) -> None:
    async def test(site: Site) -> None:
        wanted = [Subprotocol("v1"), Subprotocol("v2")]
        async with site.open("/fast/rooms/a?who=ann", subprotocols=wanted) as client:
            assert client.response is not None
            assert client.response.headers["x-own"] == "1"
            assert client.subprotocol == "v2"
            assert json.loads(await received(client)) == ["a", "ann", "/fast/rooms/a", "/fast"]
            for message in ("é", b"\x00"):
                await client.send(message)
                assert await received(client) == message
            await client.close(4000)
        async with site.open("/fast/rooms/a", subprotocols=wanted) as client:
            await received(client)
            await client.send("fail")
            with pytest.raises(ConnectionClosed):
                await received(client)
            assert client.close_code == 1011
        async with site.open("/fast/bye") as client:
            with pytest.raises(ConnectionClosed):
                await received(client)
            assert (client.close_code, client.close_reason) == (4002, "bye")
        assert (await site.get("/fast/ends")).json() == [4000]

    on_sockets(tmp_path, ENTRIES, CODE, test, files={"f.py": FAST}, loop=loop)


def test_what_it_refuses_is_an_answer_and_what_is_beside_it_is_ours(tmp_path: Path) -> None:
    async def status(site: Site, path: str, *headers: str) -> int:
        with pytest.raises(InvalidStatus) as refused:
            async with site.open(path, additional_headers=[each.split(": ") for each in headers]):
                pass
        return refused.value.response.status_code

    async def test(site: Site) -> None:
        assert await status(site, "/fast/refused") == 403
        assert await status(site, "/fast/denied") == 401
        assert await status(site, "/fast/rooms/a", "x-key: bad") == 401
        assert await status(site, "/fast/none") == 403  # as its own server would answer
        assert await status(site, "/none") == 404
        async with site.open("/echo") as client:
            assert await received(client) == "ours"
        assert (await site.get("/fast/ends", *HANDSHAKE[:2])).status == 400

    on_sockets(tmp_path, ENTRIES + socket_entry("echo"), CODE, test, files={"f.py": FAST})


def test_a_drain_tells_it_that_the_server_restarts(tmp_path: Path) -> None:
    ends = []

    async def test(site: Site) -> None:
        client = await site.open("/fast/rooms/a", subprotocols=[Subprotocol("v2")]).__aenter__()
        await received(client)
        ends.append(client)

    async def then() -> None:
        await ends[0].wait_closed()

    on_sockets(tmp_path, ENTRIES, CODE, test, files={"f.py": FAST}, then=then)
    assert ends[0].close_code == 1012
