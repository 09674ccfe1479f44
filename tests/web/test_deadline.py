"""Handlers have as much time as their endpoint gives them, by the application's clock."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.web.exchange import Exchange
from tests.support.clock import FakeClock
from tests.support.serving import Answer, head, route, run, served


async def forever(exchange: Exchange) -> None:
    await asyncio.Event().wait()


def test_a_slow_handler_is_cancelled_at_its_timeout(caplog: pytest.LogCaptureFixture) -> None:
    time = FakeClock()
    ended = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        began.set()
        try:
            await forever(exchange)
        finally:
            ended.set()

    began = asyncio.Event()

    async def main() -> tuple[bool, Answer]:
        async with served([route("GET", "/x", handler, timeout=60, clock=time.clock)]) as server:
            client = await server.connect()
            client.send(head("GET", "/x", "X-Request-ID: r1"))
            await began.wait()
            await time.advance(59.9)
            early = ended.is_set()
            await time.advance(0.1)
            answer = await client.answer()
            await client.close()
            return early, answer

    early, answer = run(main())

    assert (early, ended.is_set(), time.timers) == (False, True, 0)
    assert (answer.status, answer["content-type"]) == (504, "application/problem+json")
    (record,) = caplog.records
    assert record.getMessage() == "GET /x took longer than 60 s"
    assert (record.entry, record.request_id) == ("app:handler", "r1")  # type: ignore[attr-defined]


def test_a_handler_in_time_leaves_no_timer() -> None:
    time = FakeClock()

    async def handler(exchange: Exchange) -> str:
        return "hello"

    async def main() -> bytes:
        async with served([route("GET", "/x", handler, timeout=60, clock=time.clock)]) as server:
            return (await server.get("/x")).body

    assert (run(main()), time.timers) == (b"hello", 0)


def test_a_timeout_of_the_handler_s_own_is_an_error_like_any_other() -> None:
    async def handler(exchange: Exchange) -> None:
        raise TimeoutError

    async def main() -> int:
        async with served([route("GET", "/x", handler, timeout=5)]) as server:
            return (await server.get("/x")).status

    assert run(main()) == 500


def test_the_real_clock_ends_a_handler_too() -> None:
    async def main() -> int:
        async with served([route("GET", "/x", forever, timeout=0.05)]) as server:
            return (await server.get("/x")).status

    assert run(main()) == 504
