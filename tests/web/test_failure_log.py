from __future__ import annotations

from typing import Any

import pytest

from runtime.clock import Clock
from runtime.engines.web.address import Address
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Routes
from runtime.engines.web.server import Server
from tests.support.clock import FakeClock
from tests.support.serving import PATIENT, Running, route, run, running


class Full(Exception):
    http_status = 503


def observe(handler: Any, clock: Clock, use: Any) -> Dispatcher:
    dispatcher = Dispatcher(max_body=1000, clock=clock)
    routes = [route("POST", path, handler) for path in ("/x", "/y")]
    dispatcher.serve(Routes(routes))

    async def main() -> None:
        server = Server(dispatcher, Address("127.0.0.1", 0), timeouts=PATIENT)
        async with running(server) as serving:
            await use(serving)

    run(main())
    return dispatcher


def test_the_first_503_of_a_reason_is_logged_and_the_others_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    time, reasons = FakeClock(), ["queue 'clicks' is full (1000)"]

    async def handler(exchange: Exchange) -> None:
        raise Full(reasons[0])

    async def use(server: Running) -> None:
        async def post(path: str, times: int) -> None:
            for _ in range(times):
                assert (await server.get(path, method="POST")).status == 503

        await post("/x", 3)
        await post("/y", 1)
        reasons[0] = "another reason"
        await post("/x", 1)
        reasons[0] = "queue 'clicks' is full (1000)"
        await time.advance(60)
        await post("/x", 2)
        await time.advance(60)
        await time.advance(60)
        await post("/x", 1)

    observe(handler, time.clock, use)

    full = "503: queue 'clicks' is full (1000)"
    assert [record.getMessage() for record in caplog.records] == [
        f"POST /x was answered with {full}",
        f"POST /y was answered with {full}",
        "POST /x was answered with 503: another reason",
        f"POST /x was answered 2 times more with {full}",
        f"POST /x was answered 2 times more with {full}",
        f"POST /x was answered with {full}",
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert {record.entry for record in caplog.records} == {"app:handler"}  # type: ignore[attr-defined]


def test_what_was_counted_is_told_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(exchange: Exchange) -> None:
        raise Full("full")

    async def use(server: Running) -> None:
        for _ in range(4):
            await server.get("/x", method="POST")

    observe(handler, FakeClock().clock, use).failures.close()

    assert caplog.records[-1].getMessage() == "POST /x was answered 3 times more with 503: full"


def test_reasons_without_number_are_not_kept_without_bound(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reasons = iter(range(1000))

    async def handler(exchange: Exchange) -> None:
        raise Full(f"reason {next(reasons)}" + "x" * 10_000)

    async def use(server: Running) -> None:
        client = await server.connect()
        for _ in range(150):
            await client.get("/x", method="POST")
        await client.close()

    dispatcher = observe(handler, FakeClock().clock, use)

    assert len(dispatcher.failures._counts) <= 101
    assert len(caplog.records) == 101
    assert max(len(record.getMessage()) for record in caplog.records) < 400
