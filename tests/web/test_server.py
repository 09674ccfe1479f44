"""The life of a server: it listens, drains, stops, and runs again."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from runtime.engines.web.address import Address, listen
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Routes
from runtime.engines.web.server import Server
from tests.support.remains import descriptors
from tests.support.serving import (
    BOTH,
    PATIENT,
    SOON,
    Gate,
    echo,
    head,
    hello,
    route,
    run,
    running,
    served,
    until_refused,
)

ROUTES = [route("GET", "/x", hello), route("POST", "/x", echo)]


@BOTH
def test_an_idle_server_waits_for_no_client_and_closes_them(loop: str) -> None:
    async def main() -> bytes:
        async with served(ROUTES) as server:
            client = await server.connect()
            await client.get("/x")
            fresh = await server.connect()
            await server.stop()
            rest = await client.ended() + await fresh.ended()
            await client.close()
            await fresh.close()
            with pytest.raises(ConnectionError):
                await server.connect()
            return rest

    assert run(main(), loop) == b""


@BOTH
def test_requests_in_flight_are_answered_while_new_clients_are_refused(loop: str) -> None:
    async def main() -> Any:
        gate = Gate()
        async with served([route("GET", "/slow", gate)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow"))
            await asyncio.wait_for(gate.entered.wait(), SOON)
            server.stop_event.set()
            await until_refused(server)
            assert not server.task.done()
            gate.go.set()
            answer = await client.answer()
            await client.ended()
            await asyncio.wait_for(server.task, SOON)
            await client.close()
            return answer

    answer = run(main(), loop)

    assert (answer.status, answer.body, answer["connection"]) == (200, b"late", "close")


@BOTH
def test_a_handler_whose_client_has_gone_is_waited_for(loop: str) -> None:
    async def main() -> bool:
        gate = Gate()
        async with served([route("GET", "/slow", gate)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow"))
            await asyncio.wait_for(gate.entered.wait(), SOON)
            await client.close()
            server.stop_event.set()
            await until_refused(server)
            waited = not server.task.done()
            gate.go.set()
            await asyncio.wait_for(server.task, SOON)
            return waited

    assert run(main(), loop)


@BOTH
def test_a_cancelled_server_cuts_every_client_off(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> tuple[bytes, bool]:
        gate = Gate()
        async with served([route("GET", "/slow", gate)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow"))
            await asyncio.wait_for(gate.entered.wait(), SOON)
            server.stop_event.set()
            await until_refused(server)
            server.task.cancel()
            await asyncio.wait([server.task], timeout=SOON)
            rest = await client.ended()
            await client.close()
            return rest, server.task.cancelled()

    assert run(main(), loop) == (b"", True)
    assert caplog.records == []


@BOTH
def test_a_handler_that_swallows_its_cancellation_does_not_hold_the_server(loop: str) -> None:
    async def main() -> bool:
        go, entered = asyncio.Event(), asyncio.Event()

        async def stubborn(exchange: Exchange) -> None:
            entered.set()
            while not go.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await go.wait()

        async with served([route("GET", "/slow", stubborn)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow"))
            await asyncio.wait_for(entered.wait(), SOON)
            server.task.cancel()
            await asyncio.wait([server.task], timeout=SOON)
            go.set()
            await client.close()
            return server.task.done()

    assert run(main(), loop)


@BOTH
def test_a_server_runs_again_on_the_same_port(loop: str) -> None:
    async def main() -> list[int]:
        dispatcher = Dispatcher(max_body=1)
        dispatcher.serve(Routes(ROUTES))
        with listen(Address("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        server = Server(dispatcher, Address("127.0.0.1", port), timeouts=PATIENT)
        statuses = []
        for _ in range(3):
            async with running(server) as serving:
                client = await serving.connect()
                statuses.append((await client.get("/x")).status)
                await serving.stop()
                await client.close()
        return statuses

    assert run(main(), loop) == [200, 200, 200]


def test_a_server_told_to_stop_before_it_began_stops() -> None:
    async def main() -> list[str]:
        stop, seen = asyncio.Event(), list[str]()
        stop.set()
        server = Server(Dispatcher(max_body=1), Address("127.0.0.1", 0), timeouts=PATIENT)
        await asyncio.wait_for(server.run(lambda where="": seen.append(where), stop), SOON)
        return seen

    assert len(run(main())) == 1


def test_a_server_leaves_no_descriptor_open() -> None:
    async def main() -> None:
        async with served(ROUTES) as server:
            await server.get("/x")
            await server.stop()
        await asyncio.sleep(0)

    run(main())
    before = descriptors()
    for _ in range(3):
        run(main())

    assert descriptors() <= before
