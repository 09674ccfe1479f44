"""Backlog: how many messages wait, for who looks often: at a price that does not grow with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from runtime.engines.queue.queue import Queue

MOST = 10_000
"""Delayed messages that are counted, one by one."""


class Backlog(Struct, frozen=True):
    """The messages of a queue in each state. A number is None if the driver cannot tell it."""

    ready: int
    dead: int
    delayed: int | None = None
    in_flight: int | None = None
    paused: bool = False
    oldest: float | None = None
    """Seconds since the oldest ready message got ready, or since it was published in a driver that
    keeps no other time. None if there is none, or the driver cannot tell.
    """
    capped: bool = False
    """True if so many are delayed that counting them stopped: some may count as ready."""


@runtime_checkable
class MeasuredQueue(Protocol):
    """A driver's queue for which `info` would be dear, or that knows how old its messages are."""

    async def backlog(self) -> Backlog:
        """Answers in a few milliseconds, whatever the length."""
        ...


async def measure(queue: Queue) -> Backlog:
    """The backlog of a queue, with its dead letters wherever they are kept."""
    driver_queue = queue.driver_queue
    if not isinstance(driver_queue, MeasuredQueue):
        info = await queue.info()
        return Backlog(info.ready, info.dead, info.delayed, info.in_flight, bool(info.paused))
    found = await driver_queue.backlog()
    if queue.dead_letter is None:
        return found
    moved = await queue.dead_letter.driver_queue.count_dead_letters(queue.id)
    return replace(found, dead=found.dead + moved)
