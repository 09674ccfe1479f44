"""PreforkSource: an application of several workers, as their parent tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import replace

from runtime.engines.management.lengths import LENGTHS, Lengths
from runtime.engines.management.metrics.family import Metrics
from runtime.engines.management.metrics.process import resident
from runtime.engines.management.metrics.registry import Registry
from runtime.engines.management.operation import Operation, Refused
from runtime.engines.management.outlook import Outlook
from runtime.engines.management.report import merged
from runtime.engines.management.snapshot import QueueStatus, Snapshot, WorkerStatus
from runtime.program.worker_link import WorkerLink

if TYPE_CHECKING:
    from runtime.engines.management.traces.traces import Traces

T = TypeVar("T")


class PreforkSource:
    """For the thread of management in the parent."""

    def __init__(
        self,
        links: Sequence[WorkerLink],
        loop: asyncio.AbstractEventLoop,
        itself: Callable[[], Snapshot],
        outlook: Outlook,
        operations: Mapping[str, Operation],
        traces: Traces | None = None,
    ) -> None:
        """`itself` is the parent's state, without services; `loop` is the parent's, which does
        these `operations` itself.
        """
        self._links = links
        self._loop = loop
        self._itself = itself
        self._operations = operations
        self.outlook = outlook
        self.traces = traces
        self._lengths = Lengths(self._ask_lengths)

    def read(self) -> Snapshot:
        own = self._itself()
        known = [(n, link, link.snapshot()) for n, link in enumerate(self._links, 1)]
        there = [snapshot for _, _, snapshot in known if snapshot is not None]
        if not there:
            return own
        whole = merged(there)
        workers = tuple(
            WorkerStatus(number, link.pid, snapshot.age, resident(link.pid))
            for number, link, snapshot in known
            if snapshot is not None
        )
        state = own.state
        if state == "running" and len(there) < len(self._links):
            state = "starting"
        return replace(
            whole,
            pid=own.pid,
            started=own.started,
            state=state,
            refused=own.refused or whole.refused,
            refusals=own.refusals,
            workers=workers,
        )

    async def read_whole(self) -> Snapshot:
        await self._lengths.refresh(min(map(_age, self._links)))
        return self.outlook.judge(self._lengths.put_into(self.read()))

    def metrics(self) -> Metrics:
        total = Registry()
        for link in self._links:
            total.merge(link.counted)
            total.merge(link.metrics())
        return total.read()

    async def ask(self, operation: str, **arguments: Any) -> Any:
        try:
            return await self._ask(operation, arguments)
        finally:
            self._lengths.change(operation)

    async def ask_all(self, operation: str, **arguments: Any) -> list[Any]:
        links = [link for link in self._links if link.pid]
        try:
            return [await self._there(link.ask(operation, arguments)) for link in links]
        finally:
            self._lengths.change(operation)

    async def _ask(self, operation: str, arguments: dict[str, Any]) -> Any:
        if (own := self._operations.get(operation)) is not None:
            return await self._there(_carried_out(own, arguments))
        links = [link for link in self._links if link.pid]
        if not links:
            raise Refused(503, "no worker runs")
        # One whose loop turns, if there is one.
        links.sort(key=_age)
        return await self._there(links[0].ask(operation, arguments))

    async def _ask_lengths(self) -> list[QueueStatus]:
        return msgspec.convert(await self._ask(LENGTHS, {}), list[QueueStatus])

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise Refused(503, "the application has ended") from None
        return await asyncio.wrap_future(future)


async def _carried_out(operation: Operation, arguments: Mapping[str, Any]) -> Any:
    try:
        return await operation(**arguments)
    except ValueError as error:
        raise Refused(400, str(error)) from None


def _age(link: WorkerLink) -> float:
    snapshot = link.snapshot()
    return snapshot.age if snapshot is not None else float("inf")
