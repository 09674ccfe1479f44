"""Mutated requests, whole and in pieces: the server lives, and says nothing but HTTP.

`RELIABILITY_REQUESTS` is how many, `RELIABILITY_SEED` the first of their seeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator

import pytest
from starlette.responses import StreamingResponse

from runtime.engines.web.exchange import Exchange
from tests.support.mutations import mutated, pieces, statuses
from tests.support.serving import BOTH, SOON, Running, echo, hello, route, run, served

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("RELIABILITY_REQUESTS", "300"))
SEED = int(os.environ.get("RELIABILITY_SEED", "1"))
BATCH = 100
FINE = {200, 204, 400, 404, 405, 408, 413, 414, 417, 426, 431, 501, 505}


async def streamed(exchange: Exchange) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"part"
            await asyncio.sleep(0)

    return StreamingResponse(parts())


async def streamed_back(exchange: Exchange) -> StreamingResponse:
    return StreamingResponse(exchange.request.stream())


ROUTES = [
    route("GET", "/x", hello),
    route("POST", "/x", echo),
    route("POST", "/unread", hello),
    route("GET", "/stream", streamed),
    route("POST", "/echo", streamed_back),
]


async def exchanged(server: Running, parts: list[bytes]) -> bytes | None:
    """What comes back for these bytes until the end; None if the connection was reset."""
    client = await server.connect()
    try:
        for part in parts:
            client.send(part)
            await client.writer.drain()
            await asyncio.sleep(0)
        with contextlib.suppress(OSError):  # it may have been reset meanwhile
            client.writer.write_eof()
        async with asyncio.timeout(SOON):
            return await client.reader.read()
    except ConnectionError:
        return None
    finally:
        await client.close()


async def compare(server: Running, seed: int) -> None:
    chance = random.Random(seed)
    data = mutated(chance)
    seen = []
    for parts in ([data], pieces(data, chance), [bytes([byte]) for byte in data[:400]]):
        got = await exchanged(server, parts)
        if got is not None and b"".join(parts) == data:
            found = statuses(got, has_head=b"HEAD" in data)
            assert {*found} - {100} <= FINE, found
            seen.append([status for status in found if status != 100])
    for one in seen:
        for other in seen:
            # What ends the connection comes before or after a handler that does not wait for it.
            shared = min(len(one), len(other)) - 1
            assert one[:shared] == other[:shared], seen
            assert abs(len(one) - len(other)) <= 1, seen


@BOTH
@pytest.mark.parametrize("first", range(SEED, SEED + COUNT, BATCH))
def test_mutated_requests_are_answered_by_http_or_not_at_all(
    first: int, loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> int:
        async with served(ROUTES) as server:
            for seed in range(first, min(first + BATCH, SEED + COUNT)):
                try:
                    await compare(server, seed)
                except Exception as error:
                    data = mutated(random.Random(seed))
                    raise AssertionError(f"seed {seed}: {data!r}") from error
                assert not caplog.records, (seed, caplog.messages)
            return (await server.get("/x")).status

    assert run(main(), loop) == 200
    assert caplog.records == []
