"""HTTP/1.1 as a client sees it: bodies, pipelines, and clients that close one side or both."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from runtime.engines.web.exchange import Exchange
from tests.support.serving import (
    BOTH,
    SOON,
    Answer,
    Gate,
    echo,
    head,
    hello,
    route,
    run,
    served,
)

ROUTES = [route("GET", "/x", hello), route("POST", "/x", echo)]
ANSWERS_BEHIND = {
    b"": 0,
    b"\r\n": 0,
    head("GET", "/x"): 1,
    b"GET /x HT": 0,
    b"NONSENSE\r\n\r\n": 1,
    head("POST", "/x", "Content-Length: 9") + b"abc": 0,
    head("POST", "/x", "Transfer-Encoding: chunked"): 0,
    head("POST", "/x", "Transfer-Encoding: chunked") + b"1\r\na\r\n0": 0,
    head("POST", "/x", body=b"abc") + b"abc": 1,
}
"""What a client may send behind a request before it closes its side, and how many answers it gets.
"""


@BOTH
def test_a_small_answer_is_not_held_back(loop: str) -> None:
    """An answer is two writes; without TCP_NODELAY the second waits 40 ms for the client's ACK."""

    async def main() -> list[int]:
        asked: list[int] = []

        async def ask(exchange: Exchange) -> str:
            asked.append(1)
            return "hello"

        async with served([route("GET", "/x", ask)]) as server:
            client = await server.connect()
            began = time.monotonic()
            for _ in range(20):
                await client.get("/x")
            asked.append(time.monotonic() - began < 0.4)
            await client.close()
        return asked

    assert run(main(), loop) == [1] * 20 + [True]


@BOTH
def test_bodies_arrive_whole_however_they_are_sent(loop: str) -> None:
    async def main() -> list[Any]:
        async with served(ROUTES) as server:
            client = await server.connect()
            plain = await client.get("/x", method="POST", body=b"abc")
            client.send(head("POST", "/x", "Transfer-Encoding: chunked"))
            for byte in b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n":
                client.send(bytes([byte]))
                await client.writer.drain()
                await asyncio.sleep(0)
            chunked = await client.answer()
            client.send(head("POST", "/x", "Content-Length: 3", "Expect: 100-continue"))
            async with asyncio.timeout(SOON):
                interim = await client.reader.readuntil(b"\r\n\r\n")
            client.send(b"abc")
            expected = await client.answer()
            await client.close()
            return [plain.body, chunked.body, interim[:12], expected.body]

    assert run(main(), loop) == [b"abc", b"abc", b"HTTP/1.1 100", b"abc"]


@BOTH
def test_pipelined_requests_are_answered_in_their_order(loop: str) -> None:
    async def main() -> list[bytes]:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(b"".join(head("POST", "/x", body=b"%d" % n) + b"%d" % n for n in range(5)))
            got = [(await client.answer()).body for _ in range(5)]
            await client.close()
            return got

    assert run(main(), loop) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_bad_request_behind_good_ones_leaves_their_answers_alone() -> None:
    async def main() -> list[int]:
        gate = Gate()
        async with served([route("GET", "/slow", gate)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow") + b"NONSENSE\r\n\r\n")
            await asyncio.wait_for(gate.entered.wait(), SOON)
            gate.go.set()
            statuses = [(await client.answer()).status, (await client.answer()).status]
            await client.ended()
            await client.close()
            return statuses

    assert run(main()) == [200, 400]


def test_a_request_of_http_1_0_needs_no_host() -> None:
    async def main() -> Answer:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(b"GET /x HTTP/1.0\r\n\r\n")
            answer = await client.answer()
            await client.close()
            return answer

    assert run(main()).status == 200


@BOTH
@pytest.mark.parametrize("behind", ANSWERS_BEHIND)
def test_a_client_that_only_stopped_sending_gets_its_answers(loop: str, behind: bytes) -> None:
    async def main() -> tuple[bytes, int]:
        gate = Gate()
        async with served([route("GET", "/slow", gate), *ROUTES]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow") + behind)
            await asyncio.wait_for(gate.entered.wait(), SOON)
            client.writer.write_eof()
            # Its end has been seen once a later client has been served.
            await server.get("/x")
            gate.go.set()
            answer = await client.answer()
            rest = await client.ended()
            await client.close()
            return answer.body, rest.count(b"HTTP/1.1 ")

    assert run(main(), loop) == (b"late", ANSWERS_BEHIND[behind])


@BOTH
def test_a_handler_that_asked_once_whether_its_client_is_there_still_answers_it(loop: str) -> None:
    async def main() -> tuple[bool, bytes]:
        gate, seen = Gate(), []

        async def ask(exchange: Exchange) -> str:
            seen.append(await exchange.request.is_disconnected())
            return await gate(exchange)

        async with served([route("GET", "/ask", ask), *ROUTES]) as server:
            client = await server.connect()
            client.send(head("GET", "/ask"))
            await asyncio.wait_for(gate.entered.wait(), SOON)
            client.writer.write_eof()
            await server.get("/x")
            gate.go.set()
            answer = await client.answer()
            await client.close()
            return seen[0], answer.body

    assert run(main(), loop) == (False, b"late")


@BOTH
def test_a_client_that_stopped_in_the_middle_of_its_request_is_closed(loop: str) -> None:
    async def main() -> list[bytes]:
        ends = []
        async with served(ROUTES) as server:
            for part in (b"", b"GET /x HT", head("POST", "/x", "Content-Length: 9") + b"abc"):
                client = await server.connect()
                client.send(part)
                client.writer.write_eof()
                ends.append(await client.ended())
                await client.close()
        return ends

    assert run(main(), loop) == [b"", b"", b""]


@BOTH
def test_a_client_that_was_refused_and_stops_sending_is_closed(loop: str) -> None:
    async def main() -> int:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(head("POST", "/x", "Transfer-Encoding: chunked") + b"zz\r\n")
            answer = await client.answer()
            client.writer.write_eof()
            await client.ended()
            await asyncio.wait_for(server.stop(), SOON)
            await client.close()
            return answer.status

    assert run(main(), loop) == 400


@BOTH
def test_a_handler_that_asks_is_told_that_its_client_has_gone(loop: str) -> None:
    async def main() -> str:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiting = asyncio.Event()

        async def watch(exchange: Exchange) -> None:
            await exchange.receive()
            waiting.set()
            told.set_result((await exchange.receive())["type"])

        async with served([route("GET", "/watch", watch)]) as server:
            client = await server.connect()
            client.send(head("GET", "/watch"))
            await asyncio.wait_for(waiting.wait(), SOON)
            await client.close()
            return await asyncio.wait_for(told, SOON)

    assert run(main(), loop) == "http.disconnect"


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_an_offer_of_http2_is_passed_over_and_the_body_kept(body: bytes) -> None:
    async def main() -> list[Any]:
        async with served(ROUTES) as server:
            client = await server.connect()
            method = "POST" if body else "GET"
            offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAM")
            answer = await client.get("/x", *offer, method=method, body=body)
            await client.close()
            return [answer.status, answer.body]

    assert [200, body or b"hello"] == run(main())
