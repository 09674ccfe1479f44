"""Requeueing: the dead letters of a cause, delivered again no faster than a rate, with progress."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from runtime.clock import Clock, wait_for
from runtime.engines.management.letters import (
    MOST,
    Group,
    Letter,
    found_groups,
    time_of_death,
)
from runtime.engines.management.operation import LoopBlocked, Refused
from runtime.loggers import logger
from runtime.units import format_time, parse_rate, parse_time

if TYPE_CHECKING:
    from runtime.engines.management.source import Source

log = logger("runtime.management")

STEP = 50
"""Letters that are requeued in one call."""
_STEPS = 4
"""Calls a second, if a rate is given that is high enough."""
_FURTHEST = 10_000
"""Letters of a queue among which those of the cause are looked for, the oldest."""
_REMEMBERED = 60.0
"""Seconds for which one that has ended is told."""


class Requeueing(Struct, frozen=True):
    """The progress of one."""

    queue: str
    cause: str
    """`TypeError@process_task.py:22`."""
    rate: str
    """`50/s`; empty for as fast as it goes."""
    began: str
    """ISO 8601, in UTC, as `ended`."""
    done: int = 0
    left: int = 0
    """Letters that were not delivered again: somebody else was faster, or their key is taken."""
    total: int | None = None
    """Letters of the cause; None if there are more than were counted."""
    state: str = "running"
    """`running`, `done`, `stopped` or `failed`."""
    why: str = ""
    """The reason of its end, or for letters that were left."""
    ended: str | None = None

    @property
    def remaining(self) -> float | None:
        """Seconds that it still takes at its rate; None if that is not known."""
        if not self.rate or self.total is None or self.state != "running":
            return None
        count, seconds = parse_rate(self.rate)
        return max(0, self.total - self.done - self.left) * seconds / count


class Requeues:
    """Those of an application, one for each queue at a time; of management's own thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Requeueing] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, asyncio.Event] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def start(self, source: Source, queue: str, key: str, rate: str) -> Requeueing:
        """Begin with the letters of a cause, by its key, that are dead at this moment.

        Raises Refused for a rate or a cause that is none and while one runs, and LoopBlocked.
        """
        pace = _pace(rate)
        if self._is_running(queue):
            raise Refused(409, f"letters of '{queue}' are being requeued already")
        groups = await found_groups(source, queue)
        group = next((each for each in groups if each.key == key), None)
        if group is None:
            raise Refused(404, "there is no letter of this cause any more")
        all_known = sum(len(each.letters) for each in groups) < MOST
        total = len(group.letters) if all_known else None
        began = format_time(self._clock.time())
        self._stops[queue], self._ends[queue] = asyncio.Event(), asyncio.Event()
        self._known[queue] = Requeueing(queue, group.cause, rate, began, total=total)
        self._tasks[queue] = asyncio.create_task(self._run(source, queue, key, pace))
        return self._known[queue]

    def stop(self, queue: str) -> None:
        """End the one of a queue, after the call that it is in. Raises Refused."""
        if not self._is_running(queue):
            raise Refused(404, f"no letter of '{queue}' is being requeued")
        self._stops[queue].set()

    def end(self) -> None:
        """End all of them at once, with the program."""
        for task in self._tasks.values():
            task.cancel()

    async def settle(self, queue: str, seconds: float) -> Requeueing:
        """The progress of the one of a queue, at its end or after so many seconds."""
        await wait_for(self._ends[queue], seconds, self._clock)
        return self._known[queue]

    def all(self) -> tuple[Requeueing, ...]:
        """Those that run, and those that ended in the last minute; the newest first."""
        now = self._clock.time()
        self._known = {
            queue: each
            for queue, each in self._known.items()
            if each.ended is None or now - parse_time(each.ended) < _REMEMBERED
        }
        return tuple(sorted(self._known.values(), key=lambda each: each.began, reverse=True))

    def _is_running(self, queue: str) -> bool:
        task = self._tasks.get(queue)
        return task is not None and not task.done()

    async def _run(self, source: Source, queue: str, key: str, pace: float) -> None:
        why = ""
        try:
            await self._deliver(source, queue, key, pace)
            state = "stopped" if self._stops[queue].is_set() else "done"
        except (Refused, LoopBlocked) as error:
            state, why = "failed", str(error)
        except Exception as error:  # a fault of ours, or of the store; else it would run for ever
            state, why = "failed", str(error) or type(error).__name__
            log.exception("the dead letters of '%s' are not requeued any further", queue)
        now = self._known[queue]
        ended = format_time(self._clock.time())
        self._known[queue] = replace(now, state=state, why=why or now.why, ended=ended)
        self._ends[queue].set()

    async def _deliver(self, source: Source, queue: str, key: str, pace: float) -> None:
        """All letters of the cause that died before this began: a message that dies again is not
        delivered for ever. Until it is stopped.
        """
        began = parse_time(self._known[queue].began)
        limit, tried = MOST, set[str]()
        size = STEP if not pace else max(1, min(STEP, round(1 / (pace * _STEPS))))
        start = self._clock.monotonic()
        while True:
            groups = await found_groups(source, queue, limit)
            ids = [each.id for each in _of(groups, key, began) if each.id not in tried]
            if not ids:
                if limit >= _FURTHEST or sum(len(each.letters) for each in groups) < limit:
                    return
                limit *= 5
            for at in range(0, len(ids), size):
                step = ids[at : at + size]
                result = await source.ask("dead.requeue", queue=queue, ids=step)
                tried.update(each["id"] for each in result["left"])
                self._note(queue, result["done"], [each["why"] for each in result["left"]])
                done = self._known[queue].done
                wait = max(0.0, start + done * pace - self._clock.monotonic())
                if await wait_for(self._stops[queue], wait, self._clock):
                    return

    def _note(self, queue: str, done: int, left: Sequence[str]) -> None:
        now = self._known[queue]
        self._known[queue] = replace(
            now, done=now.done + done, left=now.left + len(left), why=left[-1] if left else now.why
        )


def _of(groups: Sequence[Group], key: str, before: float) -> Sequence[Letter]:
    """The letters of a cause that died before a moment, the oldest first."""
    for each in groups:
        if each.key == key:
            return [
                letter for letter in reversed(each.letters) if time_of_death(letter.died) <= before
            ]
    return ()


def _pace(rate: str) -> float:
    """Seconds for each letter, 0 without a rate. Raises Refused."""
    if not rate:
        return 0.0
    try:
        count, seconds = parse_rate(rate)
        return seconds / count
    except (ValueError, ZeroDivisionError):
        raise Refused(400, f"the rate is '{rate[:20]}'; write 50/s or 10/m") from None
