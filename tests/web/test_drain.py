"""Responses without an end, and a server that stops."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse

from runtime.engines.web.drain import Drain
from runtime.engines.web.exchange import Exchange
from tests.support.serving import SOON, Running, head, route, run, running
from tests.support.streams import StreamingService


def events(exchange: Exchange, ended: list[str], kind: str = "text/event-stream") -> Response:
    async def parts() -> Any:
        try:
            yield b"data: 1\n\n"
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    return StreamingResponse(parts(), media_type=kind)


async def begun(server: Running, path: str = "/x", until: bytes = b"data: 1\n\n") -> Any:
    client = await server.connect()
    client.send(head("GET", path))
    async with asyncio.timeout(SOON):
        await client.reader.readuntil(until)
    return client


async def rest_of(client: Any) -> bytes:
    rest: bytes = await client.ended()
    await client.close()
    return rest


def test_an_event_stream_is_closed_as_the_stop_begins_and_its_end_is_an_end() -> None:
    ended: list[str] = []

    async def handler(exchange: Exchange) -> Response:
        return events(exchange, ended)

    async def main() -> bytes:
        async with running(StreamingService(route("GET", "/x", handler))) as server:
            client = await begun(server)
            await server.stop()
            return await rest_of(client)

    assert run(main()).endswith(b"0\r\n\r\n")
    assert ended == ["ended"]


def test_a_stream_that_waits_for_the_stop_ends_itself() -> None:
    async def handler(exchange: Exchange) -> Response:
        async def parts() -> Any:
            stopping = asyncio.ensure_future(exchange.stopping())
            yield b"data: 1\n\n"
            await stopping
            yield b"data: bye\n\n"

        return StreamingResponse(parts(), media_type="text/event-stream")

    async def main() -> bytes:
        async with running(StreamingService(route("GET", "/x", handler))) as server:
            client = await begun(server)
            await server.stop()
            return await rest_of(client)

    assert b"data: bye" in run(main())


def test_a_long_poll_that_waits_for_the_stop_is_answered_at_once() -> None:
    entered = asyncio.Event()

    async def handler(exchange: Exchange) -> Any:
        entered.set()
        await exchange.stopping()
        return {"again": True}

    async def main() -> Any:
        async with running(StreamingService(route("GET", "/x", handler))) as server:
            asked = asyncio.ensure_future(server.get("/x"))
            await entered.wait()
            await server.stop()
            return (await asked).json()

    assert run(main()) == {"again": True}


def test_a_download_of_unknown_length_comes_to_its_end() -> None:
    go = asyncio.Event()

    async def handler(exchange: Exchange) -> Response:
        async def parts() -> Any:
            yield b"begin"
            await go.wait()
            yield b"end"

        return StreamingResponse(parts(), media_type="text/csv")

    async def main() -> bytes:
        async with running(StreamingService(route("GET", "/x", handler))) as server:
            client = await begun(server, until=b"begin")
            server.stop_event.set()
            await asyncio.sleep(0)
            go.set()
            await server.stop()
            return await rest_of(client)

    assert run(main()).endswith(b"3\r\nend\r\n0\r\n\r\n")


@pytest.mark.parametrize("kind", ["text/plain", "text/event-stream"])
def test_what_does_not_end_is_closed_at_the_last_moment(kind: str) -> None:
    ended: list[str] = []

    async def handler(exchange: Exchange) -> Response:
        asyncio.ensure_future(exchange.stopping())  # noqa: RUF006 the stream asks, and ignores it
        await asyncio.sleep(0)
        return events(exchange, ended, kind)

    async def main() -> bytes:
        service = StreamingService(route("GET", "/x", handler), stop_timeout=0.1)
        async with running(service) as server:
            client = await begun(server)
            await server.stop()
            return await rest_of(client)

    got = run(main())

    assert ended == ["ended"]
    # Without an end, whoever reads a download knows that a part is missing.
    assert got.endswith(b"0\r\n\r\n") == (kind == "text/event-stream")


def test_an_event_stream_that_begins_during_the_stop_is_closed() -> None:
    ended: list[str] = []
    entered, go = asyncio.Event(), asyncio.Event()

    async def handler(exchange: Exchange) -> Response:
        entered.set()
        await go.wait()
        return events(exchange, ended)

    async def main() -> None:
        async with running(StreamingService(route("GET", "/x", handler))) as server:
            client = await server.connect()
            client.send(head("GET", "/x"))
            await entered.wait()
            server.stop_event.set()
            await asyncio.sleep(0)
            go.set()
            await server.stop()
            await client.close()

    run(main())


def test_a_drain_forgets_the_streams_that_have_ended() -> None:
    services: list[StreamingService] = []

    async def handler(exchange: Exchange) -> Response:
        async def parts() -> Any:
            yield b"x"

        return StreamingResponse(parts())

    async def main() -> None:
        services.append(StreamingService(route("GET", "/x", handler)))
        async with running(services[0]) as server:
            for _ in range(3):
                assert (await server.get("/x")).body == b"x"

    run(main())

    assert services[0].dispatcher.drain._streams == set()
    assert isinstance(services[0].dispatcher.drain, Drain)
