"""Messages of the cases: made, received, and refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import time
from typing import Any

import pytest

from runtime.engines.queue import settlement
from runtime.engines.queue.driver_queue import (
    DriverQueue,
    Info,
    NotHeld,
    PartialInfo,
    Subscription,
)
from runtime.engines.queue.message import Message, next_id
from runtime.engines.queue.outcome import Reason
from tests.support.consuming import SOON


class Undone(Exception):
    """Rolls a transaction back."""


def a_message(body: str = "1", **headers: str) -> Message:
    return Message(next_id(), body.encode(), headers)


def a_ranked_message(body: str, priority: int) -> Message:
    return Message(next_id(), body.encode(), priority=priority)


def a_keyed_message(key: str) -> Message:
    return Message(next_id(), b"1", unique=key)


def dead_letter(
    message: Message, reason: Reason = Reason.REJECTED, error: Exception | None = None
) -> Message:
    """The dead letter of a message of `app:q`."""
    return settlement.dead_letter(message, "app:q", reason, error, time())


async def publish(queue: DriverQueue, bodies: Iterable[object]) -> None:
    for body in bodies:
        await queue.publish(a_message(str(body)))


async def received(subscription: Subscription) -> Message:
    return await asyncio.wait_for(subscription.receive(), SOON)


async def bodies(subscription: Subscription, count: int) -> list[str]:
    """The bodies of the next messages, which stay in flight."""
    return [(await received(subscription)).body.decode() for _ in range(count)]


async def nothing_else(queue: DriverQueue, subscription: Subscription) -> bool:
    """True if a message that is published now comes next, so that none was there before it."""
    last = a_message("null")
    await queue.publish(last)
    return (await received(subscription)).id == last.id


def lost(settle: Awaitable[None]) -> Any:
    """A settlement that must raise NotHeld."""

    async def refused() -> None:
        with pytest.raises(NotHeld):
            await settle

    return refused()


def held_in(info: Info | PartialInfo) -> int:
    """The number of messages that the queue's bound counts, as far as the driver can tell."""
    return info.ready + (info.delayed or 0) + (info.in_flight or 0)


def is_exact(info: Info | PartialInfo) -> bool:
    """False if the driver cannot tell all numbers."""
    return isinstance(info, Info)


async def shows(queue: DriverQueue, expected: Info) -> bool:
    """True if the queue has that many messages in each state, of which its driver can tell.

    Drivers that tell all do so at once. Others ask a server, which may still be at work.
    """

    def as_told(info: Info | PartialInfo) -> bool:
        return all(
            told is None or told == getattr(expected, state)
            for state, told in ((name, getattr(info, name)) for name in Info.__struct_fields__)
        )

    return await _becomes(queue, as_told)


async def holds(queue: DriverQueue, count: int) -> bool:
    """True if the queue's bound counts so many messages, as far as its driver can tell."""

    def as_told(info: Info | PartialInfo) -> bool:
        return held_in(info) == count if is_exact(info) else info.ready <= count

    return await _becomes(queue, as_told)


async def _becomes(queue: DriverQueue, is_right: Callable[[Info | PartialInfo], bool]) -> bool:
    async with asyncio.timeout(SOON):
        while not is_right(info := await queue.info()):
            if is_exact(info):
                return False
            await asyncio.sleep(0)
    return True
