"""Requests that are malformed or too large are refused in a way their sender can see."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.serving import (
    BOTH,
    echo,
    head,
    hello,
    route,
    run,
    served,
)

ROUTES = [route("GET", "/x", hello), route("POST", "/x", echo)]


@pytest.mark.parametrize(
    "request_",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: b\x00c\r\n\r\n",
        head("POST", "/", "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET /x HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET /x HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_http_is_refused_and_closed(
    request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> Any:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(request_)
            answer = await client.answer()
            await client.ended()
            await client.close()
            return answer

    answer = run(main())

    assert (
        answer.status,
        answer["content-type"],
        answer["connection"],
    ) == (400, "application/problem+json", "close")
    assert caplog.records == []


@pytest.mark.parametrize("whole", [True, False])
def test_headers_have_a_largest_size(whole: bool) -> None:
    async def main() -> list[int]:
        async with served(ROUTES) as server:
            client = await server.connect()
            fits = await client.get("/x", "A: " + "a" * 60_000)
            client.send(head("GET", "/x", "A: " + "a" * 70_000)[: None if whole else -4])
            refused = await client.answer()
            await client.close()
            return [fits.status, refused.status]

    assert run(main()) == [200, 431]


def test_a_large_body_in_the_chunk_of_the_headers_is_no_large_header() -> None:
    body = b"a" * 200_000

    async def main() -> bytes:
        async with served(ROUTES) as server:
            return (await server.get("/x", method="POST", body=body)).body

    assert body == run(main())


@BOTH
@pytest.mark.parametrize("ending", [(), ("Connection: close",)])
def test_a_body_beyond_the_limit_is_refused_in_a_way_its_sender_can_see(
    loop: str, ending: tuple[str, ...]
) -> None:
    async def main() -> list[int]:
        async with served(ROUTES, max_body=1000) as server:
            client = await server.connect()
            announced = await client.get("/x", *ending, method="POST", body=b"a" * 5_000_000)
            await client.close()
            client = await server.connect()
            client.send(head("POST", "/x", "Transfer-Encoding: chunked", *ending))
            for _ in range(50):
                client.send(b"10000\r\n" + b"a" * 65536 + b"\r\n")
            client.send(b"0\r\n\r\n")
            chunked = await client.answer()
            await client.close()
            return [announced.status, chunked.status]

    assert run(main(), loop) == [413, 413]


def test_a_body_that_is_too_large_is_refused_before_it_is_asked_for() -> None:
    async def main() -> int:
        async with served(ROUTES, max_body=10) as server:
            client = await server.connect()
            client.send(head("POST", "/x", "Content-Length: 11", "Expect: 100-continue"))
            answer = await client.answer()
            await client.close()
            return answer.status

    assert run(main()) == 413


def test_a_connection_goes_on_after_a_body_that_nobody_read() -> None:
    async def main() -> list[int]:
        async with served(ROUTES, max_body=10) as server:
            client = await server.connect()
            first = await client.get("/x", method="POST", body=b"a" * 500_000)
            second = await client.get("/x")
            await client.close()
            return [first.status, second.status]

    assert run(main()) == [413, 200]
