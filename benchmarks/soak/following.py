"""Following: streams and WebSockets, some open from the start to the end, others for seconds."""

from __future__ import annotations

import asyncio
import random

from benchmarks.soak.client import CLOSE, Client, Lost
from benchmarks.soak.ledger import Ledger

HELD = 3
"""Streams, and as many WebSockets, that stay open."""
PASSING = 4
"""Clients that come and go."""
SEED = 7


async def follow(port: int, ledger: Ledger) -> None:
    """Hold some open, and have others come and go, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for _ in range(HELD):
            group.create_task(_hold_stream(port, ledger))
            group.create_task(_hold_socket(port, ledger))
        for number in range(PASSING):
            group.create_task(_pass(port, ledger, random.Random(SEED + number)))


async def _hold_stream(port: int, ledger: Ledger) -> None:
    while True:
        try:
            client = await Client.connect(port)
            async for _ in client.events("/feed"):
                ledger.events += 1
            ledger.fail("a held stream ended")
        except Lost as error:
            ledger.fail(f"a held stream: {error}")
        await asyncio.sleep(1)


async def _hold_socket(port: int, ledger: Ledger) -> None:
    while True:
        said: set[bytes] = set()
        try:
            client = await Client.connect(port)
            async for message in client.messages("/talk"):
                ledger.events += 1
                if message in said:
                    said.remove(message)
                else:  # a tick, which is sent back once
                    said.add(message)
                    client.say(message)
                    if len(said) > 30:
                        ledger.fail("a held WebSocket does not echo")
                        said.clear()
            ledger.fail("a held WebSocket was closed")
        except Lost as error:
            ledger.fail(f"a held WebSocket: {error}")
        await asyncio.sleep(1)


async def _pass(port: int, ledger: Ledger, chance: random.Random) -> None:
    """Come, stay for seconds, and go: with a farewell, without, or while nothing is read."""
    while True:
        try:
            client = await Client.connect(port)
            how = chance.choice(("stream", "socket", "post"))
            if how == "post":
                client.begin(100)
            else:
                heard = client.events("/feed") if how == "stream" else client.messages("/talk")
                for _ in range(chance.randint(1, 10)):
                    await anext(heard)
                await heard.aclose()
            await _leave(client, chance, socket=how == "socket")
            ledger.clients += 1
        except (Lost, StopAsyncIteration) as error:
            ledger.fail(f"a passing client: {error!r}")
            await asyncio.sleep(1)


async def _leave(client: Client, chance: random.Random, *, socket: bool) -> None:
    end = chance.choice(("close", "vanish", "stall"))
    if end == "stall":
        await asyncio.sleep(chance.randint(1, 10))  # whatever comes is not read
    if end != "close":
        client.vanish()
        return
    if socket:
        client.say((1000).to_bytes(2, "big"), CLOSE)
    client.close()
