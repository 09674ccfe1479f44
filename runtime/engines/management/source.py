"""Source: what management knows of the application, and can have done to it.

The application is in this process, or in workers of which this one is the parent.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from runtime.engines.management.lengths import LENGTHS, Lengths
from runtime.engines.management.metrics.family import Metrics
from runtime.engines.management.operation import (
    LIMIT,
    PATIENCE,
    LoopBlocked,
    Operation,
    Refused,
)
from runtime.engines.management.operation_arguments import check_arguments
from runtime.engines.management.outlook import Outlook
from runtime.engines.management.pulse import Pulse
from runtime.engines.management.snapshot import Blocked, Snapshot

if TYPE_CHECKING:
    from runtime.engines.management.traces.traces import Traces


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
        """The same with the lengths of the queues.

        They are at most a second old, and include what `ask` had done before. While the loop is
        blocked they are those known last.
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
        self._lengths = Lengths(lambda: self._do(LENGTHS))

    def read(self) -> Snapshot:
        snapshot, blocked = self._pulse.read(), self._blocked()
        return snapshot if blocked is None else replace(snapshot, blocked=blocked)

    async def read_whole(self) -> Snapshot:
        await self._lengths.refresh(self._pulse.age)
        return self.outlook.judge(self._lengths.put_into(self.read()))

    async def ask(self, operation: str, **arguments: Any) -> Any:
        try:
            return await self._do(operation, **arguments)
        finally:
            self._lengths.change(operation)

    async def _do(self, operation: str, **arguments: Any) -> Any:
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
