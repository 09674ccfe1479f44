"""Source: what management knows of the application, and can have done to it.

The application is in this process, or in workers of which this one is the parent.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from runtime.engines.management.metrics.family import Metrics
from runtime.engines.management.operation_arguments import check_arguments
from runtime.engines.management.outlook import Outlook
from runtime.engines.management.pulse import Pulse
from runtime.engines.management.snapshot import Blocked, QueueStatus, Snapshot
from runtime.units import format_duration

if TYPE_CHECKING:
    from runtime.engines.management.traces.traces import Traces

PATIENCE = 2.0
"""Seconds in which the main loop must begin what it is asked for."""
FRESH = 1.0
"""Seconds for which the lengths of the queues are not asked for again."""
LIMIT = 30.0
"""Seconds in which it must have ended."""

LENGTHS = "queues.lengths"
"""The operation that returns a QueueStatus for each queue, with what its store says."""

Operation = Callable[..., Awaitable[Any]]
"""Runs on the application's main loop. Its arguments are given by name; they and its result are
values for JSON. It may raise LookupError for what does not exist, and ValueError for what cannot be
done; their texts are for the user.
"""


class LoopBlocked(Exception):
    """The main loop did not begin what it was asked for, and will not do it later either.

    The text says what has kept it.
    """

    def __init__(self, blocked: Blocked) -> None:
        where = f" at {blocked.where}" if blocked.where else ""
        since = format_duration(blocked.seconds)
        super().__init__(f"{blocked.entry or 'something'} has kept it for {since}{where}")
        self.blocked = blocked


class Refused(Exception):
    """An operation was not done; `status` is that of an HTTP response."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Source(Protocol):
    """The application, for the routes of management. All of it is for management's own thread."""

    outlook: Outlook
    """The rest of what pages show, beside the present state."""
    traces: Traces | None
    """The traces and errors that are remembered; None if there are none."""

    def read(self) -> Snapshot:
        """The newest snapshot, with its age. Never waits."""
        ...

    async def read_whole(self) -> Snapshot:
        """The same with the lengths of the queues, which are asked for once a second at most.

        While the loop is blocked they are those known last.
        """
        ...

    def metrics(self) -> Metrics:
        """The counters and histograms as of the last pulse. Never waits."""
        ...

    async def ask(self, operation: str, **arguments: Any) -> Any:
        """Have an operation done on the application's main loop, and return its result.

        Raises LoopBlocked after 2 s in which it did not begin, and Refused. Of several workers, one
        does it; its arguments and its result are then what JSON makes of them.
        """
        ...

    async def ask_all(self, operation: str, **arguments: Any) -> list[Any]:
        """The same for each worker, if there are several."""
        ...


class LocalSource:
    """The application in this process."""

    def __init__(
        self,
        pulse: Pulse,
        operations: Mapping[str, Operation],
        loop: asyncio.AbstractEventLoop,
        blocked: Callable[[], Blocked | None],
        metrics: Callable[[], Metrics],
        outlook: Outlook,
        traces: Traces | None = None,
    ) -> None:
        """`blocked` tells what holds the loop at this moment, from any thread."""
        self.outlook = outlook
        self.traces = traces
        self._pulse = pulse
        self._operations = operations
        self._loop = loop
        self._blocked = blocked
        self.metrics = metrics
        self._running: set[asyncio.Task[None]] = set()
        self._lengths: Mapping[str, QueueStatus] = {}
        self._lengths_at = -FRESH
        self._asking = asyncio.Lock()

    def read(self) -> Snapshot:
        snapshot, blocked = self._pulse.read(), self._blocked()
        return snapshot if blocked is None else replace(snapshot, blocked=blocked)

    async def read_whole(self) -> Snapshot:
        async with self._asking:
            if monotonic() - self._lengths_at >= FRESH and self._pulse.age < FRESH:
                with suppress(LoopBlocked, Refused):
                    found: Sequence[QueueStatus] = await self.ask(LENGTHS)
                    self._lengths = {each.id: each for each in found}
                self._lengths_at = monotonic()
        snapshot, known = self.read(), self._lengths
        queues = [with_lengths(each, known.get(each.id)) for each in snapshot.queues]
        return self.outlook.judge(replace(snapshot, queues=tuple(queues)))

    async def ask(self, operation: str, **arguments: Any) -> Any:
        function = self._operations.get(operation)
        if function is None:
            raise Refused(404, f"there is no operation '{operation}'")
        try:
            check_arguments(operation, function, arguments)
        except ValueError as error:
            raise Refused(400, str(error)) from None
        here, began = asyncio.get_running_loop(), asyncio.Event()
        done: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def begin() -> None:
            if done.set_running_or_notify_cancel():
                here.call_soon_threadsafe(began.set)
                task = self._loop.create_task(_carry_out(function(**arguments), done))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

        try:
            self._loop.call_soon_threadsafe(begin)
        except RuntimeError:
            raise Refused(503, "the application has ended") from None
        try:
            await asyncio.wait_for(began.wait(), PATIENCE)
        except TimeoutError:
            if done.cancel():
                raise LoopBlocked(_holder(self.read())) from None
        return await _result(operation, done)

    async def ask_all(self, operation: str, **arguments: Any) -> list[Any]:
        return [await self.ask(operation, **arguments)]


def with_lengths(queue: QueueStatus, known: QueueStatus | None) -> QueueStatus:
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


async def _carry_out(work: Awaitable[Any], done: concurrent.futures.Future[Any]) -> None:
    try:
        done.set_result(await work)
    except BaseException as error:
        done.set_exception(error)


async def _result(operation: str, done: concurrent.futures.Future[Any]) -> Any:
    ended = asyncio.wrap_future(done)
    await asyncio.wait([ended], timeout=LIMIT)
    if not ended.done():
        raise Refused(504, f"'{operation}' is not done after {LIMIT:g} s, and goes on")
    try:
        return ended.result()
    except LookupError as error:
        text = str(error.args[0]) if error.args else "there is no such thing"
        raise Refused(404, text) from None
    except ValueError as error:
        raise Refused(400, str(error)) from None
    except asyncio.CancelledError:
        raise Refused(503, "the application is stopping") from None


def _holder(snapshot: Snapshot) -> Blocked:
    return snapshot.blocked or Blocked(snapshot.age)
