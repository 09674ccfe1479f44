"""What stands around a body, chunk sizes, extensions and trailers, is limited and dropped."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from runtime.engines.web.exchange import Exchange
from tests.support.serving import BOTH, SOON, Client, echo, head, hello, route, run, served


async def shown(exchange: Exchange) -> dict[str, Any]:
    await exchange.request.body()
    return {name.decode(): value.decode() for name, value in exchange.scope["headers"]}


ROUTES = [
    route("GET", "/x", hello),
    route("POST", "/x", echo),
    route("POST", "/shown", shown),
    route("POST", "/unread", hello),
]
CHUNKED = "Transfer-Encoding: chunked"
OFFER = ("Connection: Upgrade", "Upgrade: h2c")

ENDLESS = {
    "chunk extensions": (b"1;", b"a=b;" * 1000),
    "one chunk extension": (b"1;a=", b"a" * 4000),
    "zeros of a chunk size": (b"", b"0" * 4000),
    "trailer fields": (b"1\r\na\r\n0\r\n", b"a:\r\n" * 1000),
    "the name of a trailer": (b"1\r\na\r\n0\r\n", b"a" * 4000),
    "the value of a trailer": (b"1\r\na\r\n0\r\na: ", b"a" * 4000),
    "empty chunks with extensions": (b"", b"1;" + b"e" * 3990 + b"\r\na\r\n"),
}


async def sent_until_refused(client: Client, piece: bytes, most: int) -> int:
    """Send the piece again and again; how many bytes went before the server answered."""
    answered = asyncio.ensure_future(client.reader.readuntil(b"\r\n\r\n"))
    sent = 0
    with contextlib.suppress(ConnectionError):
        while not answered.done() and sent < most:
            client.send(piece)
            sent += len(piece)
            await client.writer.drain()
            await asyncio.sleep(0)
    assert (await asyncio.wait_for(answered, SOON)).startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
    return sent


@BOTH
@pytest.mark.parametrize("what", ENDLESS)
@pytest.mark.parametrize("offer", [(), OFFER])
def test_framing_that_never_ends_is_refused(what: str, loop: str, offer: tuple[str, ...]) -> None:
    begin, piece = ENDLESS[what]

    async def main() -> int:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(head("POST", "/x", CHUNKED, *offer) + begin)
            sent = await sent_until_refused(client, piece, 20_000_000)
            await client.close()
            return sent

    assert run(main(), loop) < 20_000_000


@BOTH
@pytest.mark.parametrize("path", ["/unread", "/nowhere"])
def test_framing_of_a_body_that_nobody_reads_is_limited_too_and_answered_once(
    path: str, loop: str
) -> None:
    async def main() -> bytes:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(head("POST", path, CHUNKED) + b"1\r\na\r\n0\r\n")
            await client.answer()
            ended = asyncio.ensure_future(client.ended())
            sent = 0
            with contextlib.suppress(ConnectionError):
                while not ended.done() and sent < 20_000_000:
                    client.send(b"a:\r\n" * 1000)
                    sent += 4000
                    await client.writer.drain()
                    await asyncio.sleep(0)
            assert sent < 20_000_000
            rest = await ended
            await client.close()
            return rest

    assert run(main(), loop) == b""


def test_trailers_count_together_with_the_headers() -> None:
    async def main() -> list[int]:
        statuses = []
        async with served(ROUTES) as server:
            for size in (20_000, 50_000):
                client = await server.connect()
                client.send(head("POST", "/x", CHUNKED, "A: " + "a" * 30_000))
                client.send(b"1\r\na\r\n0\r\n")
                await client.writer.drain()
                await asyncio.sleep(0.01)
                client.send(b"B: " + b"b" * size)
                await client.writer.drain()
                await asyncio.sleep(0.01)
                client.send(b"\r\n\r\n")
                statuses.append((await client.answer()).status)
                await client.close()
        return statuses

    assert run(main()) == [200, 431]


@pytest.mark.parametrize("offer", [(), OFFER])
def test_trailers_never_become_headers(offer: tuple[str, ...]) -> None:
    trailers = (
        b"X-Forwarded-For: 6.6.6.6\r\nHost: b\r\nAuthorization: no\r\nExpect: 100-continue\r\n"
    )

    async def main() -> Any:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(head("POST", "/shown", CHUNKED, "X-Forwarded-For: 1.2.3.4", *offer))
            client.send(b"3;x=y\r\nabc\r\n0\r\n" + trailers + b"\r\n")
            got = (await client.answer()).json()
            await client.close()
            return got

    got = run(main())

    assert (got["host"], got["x-forwarded-for"]) == ("test", "1.2.3.4")
    assert not {"authorization", "expect"} & set(got)


def test_a_body_may_be_sent_in_chunks_of_one_byte_or_with_a_signature_for_each() -> None:
    async def main() -> list[int]:
        async with served(ROUTES) as server:
            client = await server.connect()
            lengths = []
            for chunk, count in (
                (b"1\r\na\r\n", 100_000),
                (b"400;chunk-signature=" + b"f" * 64 + b"\r\n" + b"a" * 1024 + b"\r\n", 1000),
            ):
                client.send(head("POST", "/x", CHUNKED) + chunk * count + b"0\r\n\r\n")
                lengths.append(len((await client.answer()).body))
            await client.close()
            return lengths

    assert run(main()) == [100_000, 1_024_000]
