"""The small print of RFC 9110 and 9112: each request, whole and byte by byte, and its answers."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

import pytest

from runtime.engines.web.exchange import Exchange
from tests.support.serving import SOON, echo, hello, route, run, served


async def described(exchange: Exchange) -> dict[str, Any]:
    request = exchange.request
    return {"url": str(request.url), "a": request.headers.get("a")}


ROUTES = [
    route("GET", "/", hello),
    route("GET", "/x", hello),
    route("POST", "/x", echo),
    route("GET", "/described", described),
]
GET = b"GET /x HTTP/1.1\r\nHost: h\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: h\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"Connection: upgrade\r\nUpgrade: "
WEBSOCKET = UPGRADE + b"websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n\r\n"

ACCEPTED = {
    "a blank line in front": b"\r\n\r\n" + GET + b"\r\n",
    "no blank after a colon": b"GET /x HTTP/1.1\r\nHost:h\r\n\r\n",
    "an empty Host": b"GET /x HTTP/1.1\r\nHost:\r\n\r\n",
    "a Host with a port": b"GET /x HTTP/1.1\r\nHost: h:80\r\n\r\n",
    "an IPv6 Host": b"GET /x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    "HTTP/1.0 without Host": b"GET /x HTTP/1.0\r\n\r\n",
    "an absolute target": b"GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n",
    "an absolute target in capitals": b"GET HTTPS://H/x?a HTTP/1.1\r\nHost: h\r\n\r\n",
    "an absolute target without a path": b"GET http://h HTTP/1.1\r\nHost: h\r\n\r\n",
    "an absolute target with only a query": b"GET http://h?a=b HTTP/1.1\r\nHost: h\r\n\r\n",
    "a query with another question mark": b"GET /x?a?b HTTP/1.1\r\nHost: h\r\n\r\n",
    "a repeated header": GET + b"A: b\r\nA: c\r\n\r\n",
    "an empty header": GET + b"A:\r\n\r\n",
    "a header of high bytes": GET + b"A: \xc3\xa4\r\n\r\n",
    "a thousand headers": GET + b"A: b\r\n" * 999 + b"\r\n",
    "a length": POST + b"Content-Length: 3\r\n\r\nabc",
    "a length with zeros in front": POST + b"Content-Length: 003\r\n\r\nabc",
    "no body": POST + b"\r\n",
    "chunks": CHUNKED + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
    "capitals in chunked": POST + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
    "a chunk size with zeros in front": CHUNKED + b"0001\r\na\r\n000\r\n\r\n",
    "chunk extensions": CHUNKED + b'1;a=b;c="d"\r\na\r\n0;e\r\n\r\n',
    "a blank in front of an extension": CHUNKED + b"1 ;a\r\na\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"1\r\na\r\n0\r\nA: b\r\nC:\r\n\r\n",
    "an expectation that is met": POST + b"Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na",
    "an expectation without a body": GET + b"Expect: 100-continue\r\n\r\n",
    "an expectation of HTTP/1.0": b"POST /x HTTP/1.0\r\nExpect: 100-continue\r\n"
    b"Content-Length: 1\r\n\r\na",
    "an upgrade that nobody knows": GET + UPGRADE + b"foo/1\r\n\r\n",
    "an upgrade with a body": POST + UPGRADE + b"foo\r\nContent-Length: 3\r\n\r\nabc",
    "an upgrade with chunks": POST
    + UPGRADE
    + b"h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "websocket without a connection option": GET + b"Upgrade: websocket\r\n\r\n",
    "TE": GET + b"TE: trailers, gzip\r\nConnection: TE\r\n\r\n",
}

REFUSED = {
    "a lone line feed": (b"GET /x HTTP/1.1\nHost: h\n\n", 400),
    "a line feed in the headers": (b"GET /x HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", 400),
    "a carriage return in a value": (GET + b"A: b\rc\r\n\r\n", 400),
    "two blanks in the request line": (b"GET  /x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "a blank behind the version": (b"GET /x HTTP/1.1 \r\nHost: h\r\n\r\n", 400),
    "an unknown method": (b"FOO /x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "a method in small letters": (b"get /x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "a header without a name": (GET + b": b\r\n\r\n", 400),
    "a header without a colon": (GET + b"A\r\n\r\n", 400),
    "a blank in front of a colon": (GET + b"A : b\r\n\r\n", 400),
    "a blank in front of the first header": (b"GET /x HTTP/1.1\r\n A: b\r\nHost: h\r\n\r\n", 400),
    "a folded header": (GET + b"A: b\r\n c\r\n\r\n", 400),
    "a NUL in a value": (GET + b"A: b\0c\r\n\r\n", 400),
    "a bracket in a name": (GET + b"A[]: b\r\n\r\n", 400),
    "no Host": (b"GET /x HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (GET + b"Host: h\r\n\r\n", 400),
    "two Hosts of HTTP/1.0": (b"GET /x HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", 400),
    "a Host with a blank": (b"GET /x HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "a Host with a slash": (b"GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "a Host with a user": (b"GET /x HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    "a Host with a comma list": (b"GET /x HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    "a Host with a bad port": (b"GET /x HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
    "a Host of high bytes": (b"GET /x HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", 400),
    "a target with a user": (b"GET http://a@b/x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "a target without a host": (b"GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "a target of another scheme": (b"GET ftp://h/x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "a relative target": (b"GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "a target of high bytes": (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "an asterisk for GET": (b"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "RTSP": (b"OPTIONS /x RTSP/1.0\r\nHost: h\r\n\r\n", 400),
    "RTSP with the number of HTTP": (b"GET /x RTSP/1.1\r\nHost: h\r\n\r\n", 400),
    "ICE": (b"SOURCE /x ICE/1.0\r\nHost: h\r\n\r\n", 400),
    "length and chunks": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "chunks and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    "a list of lengths": (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "a length with a sign": (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    "a length in hexadecimal": (POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    "no length": (POST + b"Content-Length:\r\n\r\n", 400),
    "a length beyond all": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked, not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    "gzip without chunks": (POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 400),
    "identity": (POST + b"Transfer-Encoding: identity\r\n\r\n", 400),
    "an empty coding": (POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
    "chunked with a tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "chunks of HTTP/1.0": (
        b"POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a coding with an upgrade": (GET + UPGRADE + b"x\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    "no chunk size": (CHUNKED + b"\r\na\r\n0\r\n\r\n", 400),
    "a chunk size with a sign": (CHUNKED + b"-1\r\na\r\n0\r\n\r\n", 400),
    "a chunk size with a prefix": (CHUNKED + b"0x1\r\na\r\n0\r\n\r\n", 400),
    "a chunk size with an underscore": (CHUNKED + b"1_0\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n", 400),
    "a blank in front of a chunk size": (CHUNKED + b" 1\r\na\r\n0\r\n\r\n", 400),
    "a blank behind a chunk size": (CHUNKED + b"1 \r\na\r\n0\r\n\r\n", 400),
    "a chunk size beyond all": (CHUNKED + b"fffffffffffffffff\r\na\r\n0\r\n\r\n", 400),
    "a chunk shorter than its size": (CHUNKED + b"2\r\na\r\n0\r\n\r\n", 400),
    "a chunk longer than its size": (CHUNKED + b"1\r\nab\r\n0\r\n\r\n", 400),
    "a chunk ended by a line feed": (CHUNKED + b"1\r\na\n0\r\n\r\n", 400),
    "a chunk size ended by a line feed": (CHUNKED + b"1\na\r\n0\r\n\r\n", 400),
    "a line feed in an extension": (CHUNKED + b"1;a\n1\r\na\r\n0\r\n\r\n", 400),
    "a carriage return in an extension": (CHUNKED + b"1;a\rb\r\na\r\n0\r\n\r\n", 400),
    "a trailer without a colon": (CHUNKED + b"0\r\nA\r\n\r\n", 400),
    "a trailer with a blank in its name": (CHUNKED + b"0\r\nA : b\r\n\r\n", 400),
    "a folded trailer": (CHUNKED + b"0\r\nA: b\r\n c\r\n\r\n", 400),
    "a line feed in a trailer": (CHUNKED + b"0\r\nA: b\nC: d\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "a longer line than allowed": (b"GET /" + b"x" * 70_000, 414),
    "an expectation that nobody meets": (GET + b"Expect: a-miracle\r\n\r\n", 417),
    "a websocket": (GET + WEBSOCKET, 426),
    "more headers than allowed": (GET + b"A: b\r\n" * 1000 + b"\r\n", 431),
    "larger headers than allowed": (GET + b"A: " + b"b" * 70_000 + b"\r\n\r\n", 431),
    "CONNECT": (b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501),
    "a coding below the chunks": (
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    "two headers of codings": (
        POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    "HTTP/0.9": (b"GET /x\r\n\r\n", 505),
    "HTTP/0.9 in words": (b"GET /x HTTP/0.9\r\nHost: h\r\n\r\n", 505),
    "HTTP/1.2": (b"GET /x HTTP/1.2\r\nHost: h\r\n\r\n", 505),
    "HTTP/2.0": (b"GET /x HTTP/2.0\r\nHost: h\r\n\r\n", 505),
    "HTTP/9.9": (b"GET /x HTTP/9.9\r\nHost: h\r\n\r\n", 505),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
}


async def statuses(port: int, request: bytes, *, in_pieces: bool) -> list[int]:
    """The final statuses that come for a request and one that is well-formed after it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = request if b" HTTP/1.0" in request else request + GET + b"Connection: close\r\n\r\n"
    pieces = [bytes([byte]) for byte in data] if in_pieces and len(data) < 2000 else [data]
    try:
        with contextlib.suppress(ConnectionError):  # it closes before all is sent
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        got = await asyncio.wait_for(reader.read(), SOON)
    finally:
        writer.close()
    return [status for each in re.findall(rb"HTTP/1\.1 (\d+)", got) if (status := int(each)) > 199]


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_http_is_answered_and_so_is_the_next(name: str, in_pieces: bool) -> None:
    async def main() -> list[int]:
        async with served(ROUTES) as server:
            return await statuses(server.port, ACCEPTED[name], in_pieces=in_pieces)

    alone = b" HTTP/1.0" in ACCEPTED[name]
    assert run(main()) == ([200] if alone else [200, 200])


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_is_refused_and_nothing_after_it_is_believed(
    name: str, in_pieces: bool, caplog: pytest.LogCaptureFixture
) -> None:
    request, status = REFUSED[name]

    async def main() -> list[int]:
        async with served(ROUTES) as server:
            return await statuses(server.port, request, in_pieces=in_pieces)

    assert run(main()) == [status]
    assert caplog.records == []


@pytest.mark.parametrize(
    ("request_line", "host", "url"),
    [
        ("GET /described?a=b", "h", "http://h/described?a=b"),
        ("GET http://real.example:81/described?a=b", "h", "http://real.example:81/described?a=b"),
        ("GET /described#part", "h", "http://h/described"),
        ("GET http://h/described#part", "h", "http://h/described"),
    ],
)
def test_the_target_decides_what_is_asked_for(request_line: str, host: str, url: str) -> None:
    async def main() -> Any:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(f"{request_line} HTTP/1.1\r\nHost: {host}\r\nA: b \t\r\n\r\n".encode())
            answer = await client.answer()
            await client.close()
            return answer.json()

    assert run(main()) == {"url": url, "a": "b"}


@pytest.mark.parametrize("target", ["*", "http://h"])
def test_options_of_the_server_itself_are_all_its_methods(target: str) -> None:
    async def main() -> tuple[int, str]:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(f"OPTIONS {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            answer = await client.answer()
            await client.close()
            return answer.status, answer["allow"]

    assert run(main()) == (204, "GET, HEAD, OPTIONS, POST")


def test_a_refused_websocket_is_told_which_protocol_is_served() -> None:
    async def main() -> dict[str, str]:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(GET + WEBSOCKET)
            answer = await client.answer()
            await client.close()
            return answer.names

    got = run(main())

    assert got["upgrade"] == "HTTP/1.1"
    assert got["connection"] == "close, upgrade"


def test_a_refusal_to_head_has_no_body() -> None:
    async def main() -> bytes:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(b"HEAD /x HTTP/1.1\r\n\r\n")
            rest = await client.ended()
            await client.close()
            return rest

    assert run(main()).endswith(b"\r\n\r\n")
