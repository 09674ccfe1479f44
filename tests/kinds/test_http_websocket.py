"""http.websocket: handlers of connections, from the handshake to every end that there is."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.hosting import GATEWAY
from tests.support.serving import BOTH
from tests.support.sockets import (
    ECHO,
    HANDSHAKE,
    ROUTER,
    Site,
    on_sockets,
    received,
    socket_entry,
)


@BOTH
def test_texts_bytes_and_json_go_both_ways(tmp_path: Path, loop: str) -> None:
    code = """
        import msgspec

        class Order(msgspec.Struct):
            id: int

        async def talk(socket: http.WebSocket) -> None:
            assert await socket.receive() == "é"
            assert await socket.receive() == b"\\x00\\xff"
            assert await socket.receive_json() == {"a": [1]}
            order = await socket.receive_json(Order)
            await socket.send("text")
            await socket.send(bytearray(b"bytes"))
            await socket.send(order)
            await socket.send([1, None])
            async for each in socket.json(Order):
                await socket.send(each.id + 1)
    """

    async def test(site: Site) -> None:
        async with site.open("/talk") as client:
            for message in ("é", b"\x00\xff", '{"a": [1]}', '{"id": 7}', '{"id": 8}'):
                await client.send(message)
            answers = [await received(client) for _ in range(5)]
        assert answers == ["text", b"bytes", '{"id":7}', "[1,null]", "9"]

    on_sockets(tmp_path, socket_entry("talk"), code, test, loop=loop)


def test_a_handler_gets_what_its_annotations_ask_for(tmp_path: Path) -> None:
    code = """
        from runtime.modules import logger

        async def talk(
            room: str,
            socket: http.WebSocket,
            who: Annotated[str, http.State],
            site: Annotated[object, "app:router"],
            x_tenant: Annotated[str, http.Header()],
            session: Annotated[str, http.Cookie()],
            log: logger.Logger,
            request: http.Request,
            limit: int = 10,
        ) -> None:
            path = request.url.path
            kind = type(site).__name__
            await socket.send([room, who, kind, x_tenant, session, limit, path])

        async def guard(request):
            request.state.who = "ann"
    """
    entries = socket_entry("talk", "/chat/{room}", guards="[guard]")
    entries += "  - {name: guard, kind: http.guard, source: file://h.py, method: guard}\n"
    headers = {"X-Tenant": "t", "Cookie": "session=s"}

    async def test(site: Site) -> None:
        async with site.open("/chat/a%20b?limit=5", additional_headers=headers) as client:
            assert json.loads(await received(client)) == [
                *("a b", "ann", "Router", "t", "s", 5, "/chat/a b"),
            ]
        with pytest.raises(InvalidStatus) as refused:
            async with site.open("/chat/x?limit=no", additional_headers=headers):
                pass
        assert refused.value.response.status_code == 422
        assert b"limit" in refused.value.response.body

    on_sockets(tmp_path, entries, code, test)


def test_a_handler_that_fails_closes_with_1011_and_is_logged_with_the_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = """
        async def fail(socket):
            await socket.receive()
            raise ValueError("no bread")

        async def refuse(socket: http.WebSocket, room: str = ""):
            await socket.receive_json(int)

        async def leave(socket):
            raise SystemExit(3)

        async def give_up(socket):
            asyncio.current_task().cancel()
            await asyncio.sleep(3600)
    """
    entries = "".join(map(socket_entry, ("fail", "refuse", "leave", "give_up")))

    async def ended(site: Site, path: str) -> tuple[int, str]:
        async with site.open(path, additional_headers={"X-Request-ID": "r-1"}) as client:
            await client.send('"x"')
            with pytest.raises(ConnectionClosed):
                await received(client)
            return client.close_code or 0, client.close_reason or ""

    async def test(site: Site) -> None:
        assert await ended(site, "/fail") == (1011, "the handler failed")
        (line,) = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert "no bread" in line.getMessage()
        assert line.__dict__["request_id"] == "r-1"
        assert (await ended(site, "/leave"))[0] == 1011
        assert (await ended(site, "/give_up"))[0] == 1011
        errors = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert len(errors) == 3
        code, reason = await ended(site, "/refuse")
        assert code == 4422
        assert "the request" in reason
        assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 3

    with caplog.at_level(logging.INFO):
        on_sockets(tmp_path, entries, code, test)


def test_a_lack_of_room_in_a_queue_is_told_as_such_and_not_as_a_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = """
        from runtime.modules import queue

        async def talk(socket):
            async for message in socket:
                await queue.publish("jobs", message)
    """
    entries = socket_entry("talk") + (
        "  - {name: driver, kind: queue.driver.memory}\n"
        "  - {name: jobs, kind: queue.queue, driver: driver, "
        "driver_options: {memory: {max_length: 1}}}\n"
    )

    async def test(site: Site) -> None:
        async with site.open("/talk") as client:
            await client.send("1")
            await client.send("2")
            with pytest.raises(ConnectionClosed):
                await received(client)
            assert client.close_code == 1013
        assert not [each for each in caplog.records if each.levelno == logging.ERROR]

    on_sockets(tmp_path, entries, code, test)


def test_an_open_connection_keeps_its_function_when_the_manifest_changes(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        async with site.open("/echo") as client:
            await client.send("1")
            assert await received(client) == "1"
            await site.apply(GATEWAY + ROUTER)
            await client.send("2")
            assert await received(client) == "2"
            assert (await site.get("/echo")).status == 404
            refused = await site.get("/echo", *HANDSHAKE)
            assert refused.status == 426

    on_sockets(tmp_path, socket_entry("echo"), ECHO, test)
