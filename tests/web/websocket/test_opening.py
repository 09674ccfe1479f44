"""From a request to an open connection, or to the answer that there is none."""

from __future__ import annotations

import asyncio
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.support.hosting import GATEWAY, hosted
from tests.support.serving import SOON, head, run
from tests.support.sockets import (
    ECHO,
    HANDSHAKE,
    HEADER,
    ROUTER,
    Site,
    on_sockets,
    received,
    socket_entry,
)


def test_guards_and_origins_answer_before_the_connection_opens(tmp_path: Path) -> None:
    code = """
        async def guard(request):
            if request.headers.get("x-key") != "k":
                raise http.Error(401, "who are you?")

        async def echo(socket):
            await socket.receive()

        async def shop(socket):
            await socket.receive()
    """
    entries = socket_entry("echo", guards="[guard]")
    entries += socket_entry("shop", origins='["https://shop.example", "http://[::1]:8"]')
    entries += "  - {name: guard, kind: http.guard, source: file://h.py, method: guard}\n"

    async def status(site: Site, path: str, origin: str | None, *headers: str) -> int:
        client = await site.connect()
        origins = () if origin is None else (f"Origin: {origin}",)
        client.send(head("GET", path, *HANDSHAKE, *origins, *headers))
        answer = await client.answer()
        await client.close()
        return answer.status

    async def test(site: Site) -> None:
        key = "X-Key: k"
        assert await status(site, "/echo", None) == 401
        assert await status(site, "/echo", None, key) == 101
        for own in ("http://test", "https://test", "http://TEST:80"):
            assert await status(site, "/echo", own, key) == 101
        foreign = ("http://evil.example", "null", "http://test:81", "test", "ftp://test", "http://")
        for origin in (*foreign, "http://test.evil.example", "http://[", "https://test:x"):
            assert await status(site, "/echo", origin, key) == 403
        for listed in ("https://shop.example", "https://Shop.example", "http://[::1]:8"):
            assert await status(site, "/shop", listed) == 101
        for other in ("http://shop.example", "http://test", "https://shop.example:444"):
            assert await status(site, "/shop", other) == 403

    on_sockets(tmp_path, entries, code, test)


def test_subprotocols_are_agreed_on_by_the_order_of_the_entry(tmp_path: Path) -> None:
    code = """
        async def talk(socket):
            await socket.send(socket.subprotocol or "none")
    """

    async def test(site: Site) -> None:
        for offered, agreed in ((["a", "b"], "b"), (["c"], "none"), ([], "none")):
            wanted = [Subprotocol(each) for each in offered]
            async with site.open("/talk", subprotocols=wanted or None) as client:
                assert await received(client) == agreed
                assert (client.subprotocol or "none") == agreed

    on_sockets(tmp_path, socket_entry("talk", subprotocols="[b, a]"), code, test)


def test_only_so_many_may_be_open_at_once(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        async with site.open("/echo"), site.open("/echo"):
            with pytest.raises(InvalidStatus) as refused:
                async with site.open("/echo"):
                    pass
            response = refused.value.response
            assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        async with site.open("/echo") as client:
            await client.send("again")
            assert await received(client) == "again"

    on_sockets(tmp_path, socket_entry("echo", max_connections=2), ECHO, test)


def test_what_is_no_handshake_is_answered_as_a_request(tmp_path: Path) -> None:
    entries = socket_entry("echo")
    entries += (
        "  - {name: page, kind: http.endpoint, meta: {router: router}, method: GET, "
        'path: /page, func: "file://h.py#page"}\n'
    )
    code = ECHO + "\n    async def page():\n        return 'page'\n"

    async def answer(site: Site, path: str, *lines: str, body: bytes = b"") -> tuple[int, str]:
        client = await site.connect()
        client.send(head("GET", path, *lines, body=body) + body)
        found = await client.answer()
        await client.close()
        return found.status, found.names.get("upgrade", "")

    async def test(site: Site) -> None:
        assert await answer(site, "/echo") == (426, "websocket")
        assert await answer(site, "/page", *HANDSHAKE) == (426, "HTTP/1.1")
        assert await answer(site, "/none", *HANDSHAKE) == (404, "")
        assert (await answer(site, "/page"))[0] == 200
        assert await answer(site, "/echo", *HANDSHAKE[:2]) == (400, "")
        assert await answer(site, "/echo", *HANDSHAKE[:3]) == (400, "")
        old = (*HANDSHAKE[:2], "Sec-WebSocket-Version: 8", HANDSHAKE[3])
        assert await answer(site, "/echo", *old) == (426, "websocket")
        assert await answer(site, "/echo", *HANDSHAKE[:3], "Sec-WebSocket-Key: no") == (400, "")
        assert await answer(site, "/echo", *HANDSHAKE, body=b"x") == (400, "")
        options = await site.get("/page", method="OPTIONS")
        assert options["allow"] == "GET, HEAD, OPTIONS"
        post = await site.get("/echo", method="POST", body=b"x")
        assert (post.status, post["upgrade"]) == (426, "websocket")

    on_sockets(tmp_path, entries, code, test)


def test_the_openapi_document_leaves_websockets_out(tmp_path: Path) -> None:
    manifest = GATEWAY.replace('"127.0.0.1:0"', '"127.0.0.1:0", openapi: true') + ROUTER

    async def main() -> dict[str, Any]:
        async with hosted(
            tmp_path, manifest + socket_entry("echo"), {"h.py": HEADER + dedent(ECHO)}
        ) as site:
            paths: dict[str, Any] = (await site.get("/openapi.json")).json()["paths"]
            return paths

    assert run(main()) == {}


def test_a_page_and_a_websocket_may_have_one_path(tmp_path: Path) -> None:
    entries = socket_entry("echo", "/both")
    entries += (
        "  - {name: page, kind: http.endpoint, meta: {router: router}, method: GET, "
        'path: /both, func: "file://h.py#page"}\n'
    )
    code = ECHO + "\n    async def page():\n        return 'page'\n"

    async def test(site: Site) -> None:
        assert (await site.get("/both")).body == b"page"
        origin = Origin(f"http://127.0.0.1:{site.port}")
        async with site.open("/both", origin=origin) as client:
            await client.send("1")
            assert await asyncio.wait_for(client.recv(), SOON) == "1"

    on_sockets(tmp_path, entries, code, test)
