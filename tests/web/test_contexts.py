"""Contexts: no request sees what an earlier one of its connection has set."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

from runtime.engines.web.exchange import Exchange
from tests.support.serving import BOTH, SOON, head, route, run, served

seen: ContextVar[str] = ContextVar("seen", default="nobody")


@BOTH
def test_requests_that_wait_for_one_another_have_contexts_of_their_own(loop: str) -> None:
    async def handler(exchange: Exchange) -> str:
        before = seen.get()
        seen.set(exchange.scope["path"])
        await asyncio.sleep(0)
        return before

    async def main() -> list[bytes]:
        async with served([route("GET", "/", handler)]) as server:
            client = await server.connect()
            client.send(head("GET", "/") * 3)
            bodies = [(await client.answer()).body for _ in range(3)]
            await client.close()
            return bodies

    assert run(main(), loop) == [b"nobody"] * 3


@BOTH
def test_nor_does_one_that_came_after_a_handler_had_the_client_go_on(loop: str) -> None:
    """Reading goes on in the context of whoever asked for it."""

    async def handler(exchange: Exchange) -> str:
        before = seen.get()
        seen.set("somebody")
        await exchange.request.body()
        return before

    async def main() -> list[bytes]:
        body = b"x" * 400_000  # more than is read ahead
        async with served([route("POST", "/", handler)]) as server, asyncio.timeout(SOON):
            client = await server.connect()
            answers = [await client.get("/", method="POST", body=body) for _ in range(2)]
            await client.close()
            return [answer.body for answer in answers]

    assert run(main(), loop) == [b"nobody"] * 2
