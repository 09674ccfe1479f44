"""Slow clients are answered or cut off in time, and hold up nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any

import pytest

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.timeouts import Timeouts
from tests.support.serving import (
    BOTH,
    SOON,
    Client,
    echo,
    head,
    hello,
    route,
    run,
    served,
)

pytestmark = pytest.mark.slow

QUICK = Timeouts(header=0.3, read=0.3, write=0.3, idle=0.3)


async def big(exchange: Exchange) -> bytes:
    return bytes(32 << 20)


ROUTES = [route("GET", "/x", hello), route("POST", "/x", echo), route("GET", "/big", big)]


async def half_head(client: Client) -> bytes:
    client.send(b"GET /x HTTP/1.1\r\nHost: a\r\nX-A: ")
    return await client.ended()


async def half_body(client: Client) -> bytes:
    client.send(head("POST", "/x", "Content-Length: 10") + b"abc")
    return await client.ended()


async def silence(client: Client) -> bytes:
    return await client.ended()


async def idleness(client: Client) -> bytes:
    await client.get("/x")
    return await client.ended()


@BOTH
@pytest.mark.parametrize(
    ("behave", "said"),
    [(half_head, b"HTTP/1.1 408 "), (half_body, b"HTTP/1.1 408 "), (silence, b""), (idleness, b"")],
)
def test_a_slow_client_is_told_so_and_closed(loop: str, behave: Any, said: bytes) -> None:
    async def main() -> tuple[bytes, float]:
        async with served(ROUTES, timeouts=QUICK) as server:
            client = await server.connect()
            began = time.monotonic()
            got = await behave(client)
            took = time.monotonic() - began
            await client.close()
            return got, took

    got, took = run(main(), loop)

    assert got.startswith(said)
    assert (said == b"") == (got == b"")
    assert took >= 0.29  # clocks differ by a tick


def test_a_head_sent_byte_by_byte_has_no_more_time_than_another() -> None:
    async def main() -> int:
        async with served(ROUTES, timeouts=QUICK) as server:
            client = await server.connect()

            async def drip() -> None:
                client.send(b"GET /x HTTP/1.1\r\nX: ")
                with contextlib.suppress(ConnectionError):
                    while True:
                        client.send(b"a")
                        await client.writer.drain()
                        await asyncio.sleep(0.02)

            dripping = asyncio.ensure_future(drip())
            answer = await client.answer()
            dripping.cancel()
            await asyncio.wait([dripping])
            await client.close()
            return answer.status

    assert run(main()) == 408


@BOTH
def test_a_client_that_does_not_take_its_answer_is_cut_off(loop: str) -> None:
    async def main() -> int:
        async with served(ROUTES, timeouts=QUICK) as server:
            # A raw socket with little room, since a stream would read ahead.
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.setblocking(False)
                here = asyncio.get_running_loop()
                await here.sock_connect(client, ("127.0.0.1", server.port))
                await here.sock_sendall(client, head("GET", "/big"))
                began, got = time.monotonic(), 0
                with contextlib.suppress(ConnectionError):
                    while time.monotonic() - began < 1.2:
                        got += len(await here.sock_recv(client, 1))
                        await asyncio.sleep(0.05)
                    while data := await asyncio.wait_for(here.sock_recv(client, 1 << 20), SOON):
                        got += len(data)
                return got

    assert run(main(), loop) < 32 << 20


def test_a_client_that_takes_its_answer_slowly_but_steadily_gets_it_all() -> None:
    async def main() -> tuple[int, float]:
        limits = Timeouts(header=0.3, read=0.3, write=0.4, idle=0.3)
        async with served(ROUTES, timeouts=limits) as server:
            client = await server.connect(limit=1 << 16)
            began, got = time.monotonic(), 0
            client.send(head("GET", "/big"))
            async with asyncio.timeout(SOON):
                await client.reader.readuntil(b"\r\n\r\n")
                while got < 32 << 20:
                    got += len(await client.reader.read(1 << 20))
                    await asyncio.sleep(0.01)
            await client.close()
            return got, time.monotonic() - began

    got, took = run(main())

    assert got == 32 << 20
    assert took > 1.0


def test_others_are_served_while_hundreds_of_slow_clients_hold_on() -> None:
    async def main() -> int:
        limits = Timeouts(header=1.0, read=1.0, write=1.0, idle=1.0)
        async with served(ROUTES, timeouts=limits) as server:
            clients = [await server.connect() for _ in range(300)]
            for number, client in enumerate(clients):
                client.send(
                    [
                        b"GET /x HTT",
                        head("POST", "/x", "Content-Length: 9") + b"a",
                        head("GET", "/big"),
                    ][number % 3 if number < 30 else number % 2]
                )
            for _ in range(50):
                assert (await server.get("/x")).status == 200
            closed = await asyncio.gather(
                *(client.ended() for number, client in enumerate(clients) if number >= 30)
            )
            await asyncio.gather(*(client.close() for client in clients))
            return len(closed)

    assert run(main(), "uvloop") == 270
