"""Quiet: the state of an application in which nothing is ready, in hand or being written."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from time import monotonic
from typing import Protocol, runtime_checkable

from runtime.engines.queue.queue import Queue
from runtime.handlers.threads import ThreadPool
from runtime.supervision.child import State
from runtime.supervision.supervisor import Supervisor
from runtime.testing.activity import Activity
from runtime.testing.clock import VirtualClock, let_the_loop_run
from runtime.testing.holder import place_of
from runtime.units import format_duration

PATIENCE = 0.5
"""Real seconds without any event after which a handler is taken to wait for the time-out of its
consumer, which only a move of the clock can end."""


class NotQuiet(TimeoutError):
    """An application is still busy after the real time that a test gives it."""


@runtime_checkable
class Idler(Protocol):
    """A part that works without being asked: a driver, a schedule, a process."""

    async def idle(self) -> None:
        """Wait until it does not."""
        ...


class Quiet:
    """Waits, woken by what happens in the application, until all is done for now."""

    def __init__(
        self,
        queues: Mapping[str, Queue],
        timed: Collection[str],
        idlers: Mapping[str, Idler],
        supervisor: Supervisor,
        activity: Activity,
        clock: VirtualClock,
        pool: ThreadPool,
    ) -> None:
        """`queues` and `idlers` by id; consumers of the queues `timed` have a time-out."""
        self._queues = queues
        self._timed = timed
        self._idlers = idlers
        self._supervisor = supervisor
        self._activity = activity
        self._clock = clock
        self._pool = pool

    async def drain(self, queues: Sequence[str]) -> None:
        """Wait until nothing is ready or in hand in these queues, of which paused ones deliver
        nothing.
        """
        while True:
            seen = await self._settle()
            if not await self._busy(queues) and self._activity.changes == seen:
                return
            await self._activity.changed(seen)

    async def drain_ahead(self, queues: Sequence[str], stop: Sequence[type[BaseException]]) -> None:
        """The same for delayed messages too: the clock moves to each moment at which one is due.

        Ends early if a handler raised none of the classes in `stop`.
        """
        await self.drain(queues)
        while await self._delayed(queues) and not self._has_other_failures(stop):
            wait = self._clock.next_due
            if wait is None:
                return
            await self._clock.advance(wait, self._moved)

    async def check_delivered(self, queue: str) -> None:
        """Raise NotQuiet for a queue that is paused with messages."""
        info = await self._queues[queue].driver_queue.info()
        if info.paused and info.ready:
            count = "a message" if info.ready == 1 else f"{info.ready} messages"
            raise NotQuiet(f"'{queue}' is paused with {count}: resume it before you drain it")

    async def advance(self, seconds: float) -> None:
        """Move the clock, and wait for quiet before, at each moment on the way, and at the end."""
        await self._clock.advance(seconds, self._moved)

    async def _moved(self) -> None:
        """Wait for quiet, or until all that is in hand waits for the clock."""
        while True:
            seen = await self._settle()
            if not await self._busy(self.served()) and self._activity.changes == seen:
                return
            try:
                async with asyncio.timeout(PATIENCE if self._may_wait_for_clock() else None):
                    await self._activity.changed(seen)
            except TimeoutError:
                if self._activity.changes == seen:
                    return

    def _may_wait_for_clock(self) -> bool:
        messages = [work for work in self._activity.in_hand.values() if work.queue]
        return bool(messages) and all(work.queue in self._timed for work in messages)

    async def _settle(self) -> int:
        """Let the loop and the drivers do what they began. Returns the changes seen so far."""
        await let_the_loop_run()
        for part in self._idlers.values():
            await part.idle()
        return self._activity.changes

    async def _busy(self, queues: Sequence[str]) -> bool:
        if any(work.queue in queues for work in self._activity.in_hand.values()):
            return True
        starting = (State.STARTING, State.STOPPING)
        if any(child.state in starting for child in self._supervisor.children.values()):
            return True
        for id in queues:
            queue = self._queues[id]
            info = await queue.driver_queue.info()
            if info.in_flight or (info.ready and queue.consumers and not info.paused):
                return True
        return False

    async def _delayed(self, queues: Sequence[str]) -> bool:
        for id in queues:
            info = await self._queues[id].driver_queue.info()
            if info.delayed and self._queues[id].consumers:
                return True
        return False

    def _has_other_failures(self, expected: Sequence[type[BaseException]]) -> bool:
        failures = self._activity.failures
        return any(not isinstance(failure.error, tuple(expected)) for failure in failures)

    def served(self) -> Sequence[str]:
        """The queues whose messages are consumed here."""
        return [id for id, queue in self._queues.items() if queue.consumers]

    async def describe(self, queues: Sequence[str] | None = None) -> str:
        """All that still goes on, as lines of text, each after a line break."""
        lines = [*self.in_hand()]
        for id in self.served() if queues is None else queues:
            info = await self._queues[id].driver_queue.info()
            if info.ready or info.in_flight:
                lines.append(f"{id}: {info.ready} ready, {info.in_flight or 0} in hand")
        for id, part in self._idlers.items():
            idle = asyncio.create_task(part.idle())
            await let_the_loop_run()
            if not idle.done():
                idle.cancel()
                lines.append(f"{id} is at work")
        for child in self._supervisor.children.values():
            if child.state in (State.STARTING, State.STOPPING):
                lines.append(f"{child.id} is {child.state.value}")
        return "".join(f"\n  {line}" for line in lines) or "\n  nothing that is known"

    def in_hand(self) -> Sequence[str]:
        """A line of text for each message and request in hand."""
        now = monotonic()
        lines = []
        for work in [*self._activity.in_hand.values()]:
            place = place_of(work, self._pool, self._activity)
            who = work.entry or "nobody yet"
            at = f" at {place}" if place else ""
            lines.append(f"{who} has had {work.name} for {format_duration(now - work.since)}{at}")
        return lines
