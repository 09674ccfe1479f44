"""Clients of HTTP/1.0 get what they can understand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.responses import FileResponse, StreamingResponse

from runtime.engines.web.exchange import Exchange
from tests.support.serving import BOTH, echo, hello, route, run, served


async def stream(exchange: Exchange) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"hello "
        yield b"hello"

    return StreamingResponse(parts(), headers={"Transfer-Encoding": "chunked"})


async def broken(exchange: Exchange) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"hello "
        raise ValueError("half way")

    return StreamingResponse(parts())


async def nothing(exchange: Exchange) -> None: ...


ROUTES = [
    route("GET", "/x", hello),
    route("POST", "/x", echo),
    route("GET", "/stream", stream),
    route("GET", "/broken", broken),
    route("GET", "/nothing", nothing),
]


def asked(request: bytes, loop: str = "asyncio") -> tuple[dict[bytes, bytes], bytes]:
    """The headers of the first answer, and all that comes after them until the end."""

    async def main() -> bytes:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(request)
            got = await client.ended()
            await client.close()
            return got

    first, _, rest = run(main(), loop).partition(b"\r\n\r\n")
    return dict(line.split(b": ", 1) for line in first.split(b"\r\n")[1:]), rest


@BOTH
@pytest.mark.parametrize("asks", [b"", b"Connection: keep-alive\r\n"])
def test_a_stream_is_sent_as_it_is_and_ended_by_the_close(loop: str, asks: bytes) -> None:
    headers, body = asked(b"GET /stream HTTP/1.0\r\n" + asks + b"\r\n", loop)

    assert body == b"hello hello"
    assert headers[b"connection"] == b"close"
    assert b"transfer-encoding" not in headers


@BOTH
def test_a_stream_that_fails_does_not_look_complete(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> bool:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(b"GET /broken HTTP/1.0\r\n\r\n")
            try:
                await client.reader.read()
            except ConnectionResetError:
                return True
            finally:
                await client.close()
            return False

    assert run(main(), loop)
    assert "half way" in caplog.text


def test_a_file_comes_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a file")

    async def sent(exchange: Exchange) -> FileResponse:
        return FileResponse(tmp_path / "a.txt")

    async def main() -> bytes:
        async with served([route("GET", "/file", sent)]) as server:
            client = await server.connect()
            client.send(b"GET /file HTTP/1.0\r\n\r\n")
            got = await client.ended()
            await client.close()
            return got

    got = run(main())

    assert got.endswith(b"\r\n\r\na file")
    assert b"content-length: 6\r\n" in got


@BOTH
def test_a_connection_is_kept_for_those_who_ask_for_it(loop: str) -> None:
    async def main() -> list[object]:
        async with served(ROUTES) as server:
            client = await server.connect()
            seen: list[object] = []
            for path in ("x", "nothing", "x"):
                client.send(b"GET /%b HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" % path.encode())
                answer = await client.answer()
                seen += [answer.status, answer["connection"]]
            client.send(b"GET /x HTTP/1.0\r\n\r\n")
            answer = await client.answer()
            seen += [answer.status, answer["connection"], await client.ended()]
            await client.close()
            return seen

    kept = "keep-alive"
    assert run(main(), loop) == [200, kept, 204, kept, 200, kept, 200, "close", b""]


def test_nobody_is_told_to_continue() -> None:
    request = b"POST /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na"

    headers, body = asked(request)

    assert body == b"a"
    assert headers[b"content-length"] == b"1"


def test_head_has_headers_only() -> None:
    headers, body = asked(b"HEAD /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")

    assert body == b""
    assert headers[b"connection"] == b"close"
