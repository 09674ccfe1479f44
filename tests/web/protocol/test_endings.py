"""A connection ends once, whatever it is in the middle of: each response whole, or none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from runtime.engines.web.exchange import Exchange
from tests.support.serving import BOTH, SOON, Gate, echo, head, hello, route, run, served

CHUNKED = "Transfer-Encoding: chunked"
BROKEN = head("POST", "/x", CHUNKED) + b"zz\r\n"


def stream(gate: Gate) -> Any:
    """A handler that sends the first half of a stream, and the second once it is let go."""

    async def handler(exchange: Exchange) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await gate(exchange)
            yield b"second"

        return StreamingResponse(parts())

    return handler


@BOTH
def test_a_broken_body_leaves_the_answers_to_earlier_requests_alone(loop: str) -> None:
    async def main() -> list[int]:
        gate = Gate()
        async with served([route("GET", "/slow", gate), route("POST", "/x", echo)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow") + BROKEN)
            await asyncio.wait_for(gate.entered.wait(), SOON)
            gate.go.set()
            statuses = [(await client.answer()).status for _ in range(2)]
            assert await client.ended() == b""
            await client.close()
            return statuses

    assert run(main(), loop) == [200, 400]


@BOTH
@pytest.mark.parametrize("expects", [(), ("Expect: 100-continue",)])
def test_a_handler_whose_body_is_broken_is_told_that_its_client_has_gone(
    loop: str, expects: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> tuple[int, list[str]]:
        seen: list[str] = []

        async def take(exchange: Exchange) -> None:
            try:
                await exchange.request.body()
            except ClientDisconnect:
                seen.append("gone")
                raise

        async with served([route("POST", "/x", take)]) as server:
            client = await server.connect()
            client.send(head("POST", "/x", CHUNKED, *expects) + b"zz\r\n")
            answer = await client.answer()
            await client.ended()
            await client.close()
            await server.stop()
            return answer.status, seen

    assert run(main(), loop) == (400, ["gone"])
    assert caplog.records == []


@BOTH
def test_a_body_that_breaks_after_its_answer_gets_no_second_one(loop: str) -> None:
    async def main() -> bytes:
        async with served([route("POST", "/x", hello)]) as server:
            client = await server.connect()
            client.send(head("POST", "/x", CHUNKED) + b"1\r\n")
            await client.answer()
            client.send(b"azz" + head("POST", "/x"))
            rest = await client.ended()
            await client.close()
            return rest

    assert run(main(), loop) == b""


@BOTH
def test_a_body_that_breaks_in_the_middle_of_its_answer_cuts_that_off(loop: str) -> None:
    async def main() -> bytes:
        gate = Gate()
        async with served([route("POST", "/x", stream(gate))]) as server:
            client = await server.connect()
            client.send(head("POST", "/x", CHUNKED))
            await asyncio.wait_for(gate.entered.wait(), SOON)
            client.send(b"zz\r\n")
            rest = await client.ended()
            gate.go.set()
            await client.close()
            return rest

    got = run(main(), loop)

    assert got.count(b"HTTP/1.1 ") == 1
    assert got.endswith(b"5\r\nfirst\r\n")


@BOTH
def test_a_client_that_need_not_send_its_body_any_more_is_not_misunderstood(loop: str) -> None:
    """Answered before `100 Continue`, it may leave the body out: what follows could be either."""

    async def main() -> list[Any]:
        async with served([route("POST", "/x", hello), route("GET", "/x", hello)]) as server:
            client = await server.connect()
            client.send(head("POST", "/x", "Expect: 100-continue", "Content-Length: 20"))
            answer = await client.answer()
            with contextlib.suppress(ConnectionError):
                client.send(head("GET", "/x") * 2)
            rest = await client.ended()
            await client.close()
            return [answer.status, answer["connection"], rest]

    assert run(main(), loop) == [200, "close", b""]


@BOTH
def test_thousands_of_requests_that_offer_another_protocol_are_answered(loop: str) -> None:
    offer = head("GET", "/x", "Connection: upgrade", "Upgrade: h2c")
    body = head("POST", "/x", "Connection: upgrade", "Upgrade: h2c", body=b"abc") + b"abc"

    async def main() -> int:
        async with served([route("GET", "/x", hello), route("POST", "/x", echo)]) as server:
            client = await server.connect()
            client.send((offer + body) * 1500)
            answers = 0
            for _ in range(1500):
                assert (await client.answer()).body == b"hello"
                assert (await client.answer()).body == b"abc"
                answers += 1
            await client.close()
            return answers

    assert run(main(), loop) == 1500


@BOTH
def test_the_last_response_arrives_although_more_requests_wait(loop: str) -> None:
    async def large(exchange: Exchange) -> bytes:
        return bytes(3_000_000)

    async def main() -> list[int]:
        async with served([route("GET", "/x", large)]) as server:
            client = await server.connect()
            client.send(head("GET", "/x", "Connection: close") + head("GET", "/x") * 20_000)
            answer = await client.answer()
            rest = await client.ended()
            await client.close()
            return [answer.status, len(answer.body), len(rest)]

    assert run(main(), loop) == [200, 3_000_000, 0]


@BOTH
def test_a_drain_answers_the_request_in_progress_and_none_behind_it(loop: str) -> None:
    async def main() -> tuple[list[int], bytes]:
        gate = Gate()
        async with served([route("GET", "/slow", gate)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow") * 3)
            await asyncio.wait_for(gate.entered.wait(), SOON)
            server.stop_event.set()
            gate.go.set()
            answer = await client.answer()
            rest = await client.ended()
            await client.close()
            await asyncio.wait_for(server.task, SOON)
            return [answer.status, answer["connection"] == "close"], rest

    assert run(main(), loop) == ([200, True], b"")


@BOTH
def test_a_refused_client_that_goes_on_sending_is_closed_in_time(loop: str) -> None:
    async def main() -> int:
        async with served([route("GET", "/x", hello)]) as server:
            client = await server.connect()
            client.send(b"NONSENSE\r\n\r\n")
            status = (await client.answer()).status
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(SOON):
                    while True:  # until the server resets the connection
                        client.send(b"x" * 1000)
                        await client.writer.drain()
                        await asyncio.sleep(0.01)
            await client.close()
            return status

    assert run(main(), loop) == 400


def test_what_is_sent_ahead_waits_at_the_client() -> None:
    """A request in progress is a promise to answer one, not to take thousands."""

    async def main() -> tuple[int, int]:
        gate = Gate()
        async with served([route("GET", "/slow", gate), route("GET", "/x", hello)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow"))
            await asyncio.wait_for(gate.entered.wait(), SOON)
            requests = head("GET", "/x") * 1000
            sent = 0
            with contextlib.suppress(TimeoutError):
                while sent < 1000:
                    client.send(requests)
                    sent += 1
                    await asyncio.wait_for(client.writer.drain(), 0.5)
            gate.go.set()
            assert (await client.answer()).body == b"late"
            bodies = [(await client.answer()).body for _ in range(1000)]
            await client.close()
            return sent, bodies.count(b"hello")

    sent, answers = run(main())

    assert sent < 1000  # of 30 MB
    assert answers == 1000
