"""Messages that were claimed ahead and are given back are not overtaken by later ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import Claim, Claimed, Release, Settle
from runtime.engines.queue.sql.pace import MOMENT
from runtime.engines.queue.sql.subscription import SqlSubscription
from tests.support.clock import FakeClock
from tests.support.consuming import run
from tests.support.driver_conformance.messages import a_message


class Requests:
    """A store that answers when the test says so."""

    owner = 1

    def __init__(self) -> None:
        self.claims: list[asyncio.Future[Claimed]] = []
        self.settlements: list[tuple[Settle, asyncio.Future[None]]] = []
        self.claim_lazily = self.claim

    def claim(self, item: Claim) -> asyncio.Future[Claimed]:
        self.claims.append(asyncio.get_running_loop().create_future())
        return self.claims[-1]

    def settle(self, item: Settle) -> asyncio.Future[None]:
        self.settlements.append((item, asyncio.get_running_loop().create_future()))
        return self.settlements[-1][1]

    def hurry(self) -> None:
        """Nothing is delayed here."""

    def give(self, messages: Sequence[Message], first: int) -> None:
        """Answer the only claim with these, the numbers of whose rows begin with `first`."""
        (claim,) = self.claims
        self.claims.clear()
        claim.set_result(Claimed([*enumerate(messages, first)], False))

    def write(self) -> list[int]:
        """Answer all settlements. Returns the numbers of the rows that were released."""
        settlements, self.settlements = self.settlements, []
        for _, settled in settlements:
            settled.set_result(None)
        return [item.seq for item, _ in settlements if isinstance(item, Release)]


def subscribed(store: Requests, fake: FakeClock) -> SqlSubscription:
    def nothing(*args: object) -> None:
        """Nobody else is there."""

    driver = SimpleNamespace(store=store, clock=fake.clock, notify=nothing)
    queue: Any = SimpleNamespace(
        name="q", driver=driver, retention=None, paused=False, subscriptions=[], made_room=nothing
    )
    return SqlSubscription(queue, 10)


async def turns() -> None:
    """Let everything happen that waits for no answer."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_a_claim_brings_meanwhile_is_given_back_too_before_anything_is_claimed() -> None:
    async def test() -> None:
        fake, store = FakeClock(), Requests()
        subscription = subscribed(store, fake)
        messages = [a_message(str(number)) for number in range(5)]
        subscription.at_once = 3
        receiving = asyncio.ensure_future(subscription.receive())
        await turns()
        store.give(messages[:3], 0)
        assert await receiving is messages[0]

        await fake.advance(MOMENT / 10)
        acking = asyncio.ensure_future(subscription.ack(messages[0]))
        await turns()
        store.write()
        await acking
        await turns()
        assert len(store.claims) == 1, "it claims more ahead"
        subscription.give_back()
        receiving = asyncio.ensure_future(subscription.receive())
        await turns()
        store.give(messages[3:], 3)
        await turns()
        assert not receiving.done(), "a later message came first"
        assert store.claims == []
        assert store.write() == [1, 2]
        await turns()
        assert store.claims == [], "the others are not given back yet"
        assert store.write() == [3, 4]
        await turns()
        store.give(messages[1:], 1)
        assert await receiving is messages[1]

        closing = asyncio.ensure_future(subscription.close())
        await turns()
        assert store.write() == [2, 3, 4]
        await closing

    run(test)
