"""Lengths: those of the queues, asked of their stores now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from time import monotonic

from msgspec.structs import replace

from runtime.engines.management.operation import LoopBlocked, Refused
from runtime.engines.management.snapshot import QueueStatus, Snapshot

LENGTHS = "queues.lengths"
"""The operation that returns a QueueStatus for each queue, with what its store says."""
_READS = frozenset(
    {
        *("dead.letters", "dead.payload", "lanes", "queue.payload", "queue.peek"),
        *("schedules", "task.status", LENGTHS),
    }
)
"""Operations that change nothing."""
FRESH = 1.0
"""Seconds for which they are not asked for again, if nothing is done meanwhile."""


class Lengths:
    """They are at most a second old, and include all that was done before the last `change`; older
    while the loop that is asked does not answer.
    """

    def __init__(self, ask: Callable[[], Awaitable[Iterable[QueueStatus]]]) -> None:
        """`ask` does the operation `queues.lengths`."""
        self._ask = ask
        self._known: Mapping[str, QueueStatus] = {}
        self._asked_at = -FRESH
        self._changed_at = 0.0
        self._asking: asyncio.Task[None] | None = None

    def change(self, operation: str) -> None:
        """An operation was done, which may have changed them."""
        if operation not in _READS:
            self._changed_at = monotonic()

    async def refresh(self, age: float) -> None:
        """Ask for them, unless they are fresh. Those known last stay if nobody answers.

        `age` is the time in seconds for which the loop that is asked has not turned: after a second
        it is not asked, and no answer is awaited for longer.
        """
        now = monotonic()
        if age >= FRESH or self._is_fresh(now):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(FRESH):
                if self._asking is not None:  # perhaps from before a change
                    await asyncio.wait([self._asking])
                if not self._is_fresh(now):
                    asking = self._asking = self._asking or asyncio.create_task(self._look())
                    await asyncio.wait([asking])
                    asking.result()

    def _is_fresh(self, now: float) -> bool:
        return self._asked_at > self._changed_at and now - self._asked_at < FRESH

    async def _look(self) -> None:
        # When they are asked for: the answer may lack what is done meanwhile.
        now = monotonic()
        try:
            with suppress(LoopBlocked, Refused):
                self._known = {each.id: each for each in await self._ask()}
            self._asked_at = now
        finally:
            self._asking = None

    def put_into(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot of a pulse, with the lengths in its queues."""
        queues = [_with(each, self._known.get(each.id)) for each in snapshot.queues]
        return replace(snapshot, queues=tuple(queues))


def _with(queue: QueueStatus, known: QueueStatus | None) -> QueueStatus:
    """A queue of the pulse, with the lengths that its store told."""
    if known is None:
        return queue
    left, rate = known.ready, queue.out_rate - queue.in_rate
    return replace(
        queue,
        ready=known.ready,
        delayed=known.delayed,
        running=known.running,
        dead=known.dead,
        paused=known.paused,
        capped=known.capped,
        oldest=known.oldest,
        empty_in=round(left / rate, 1) if left and rate > 0 else None,
    )
