"""Services that follow a script, and a loop whose clock jumps, for tests of the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from runtime.backoff import Backoff
from runtime.clock import Clock
from runtime.entry_id import EntryId
from runtime.linking.graph import Graph
from runtime.service import Ready, Service, Stage
from runtime.supervision.child import Child
from runtime.supervision.lifecycle import Lifecycle
from runtime.supervision.spec import ServiceSpec
from runtime.supervision.supervisor import Supervisor

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T], limit: float = 1e6) -> T:
    """Run a coroutine on a loop that never waits: its clock jumps to whatever comes next."""
    loop = asyncio.SelectorEventLoop()
    now = 1000.0
    select = loop._selector.select

    def jump(timeout: float | None = None) -> Any:
        nonlocal now
        assert timeout is not None, "the loop would wait for ever"
        now += max(0.0, timeout)
        return select(0)

    loop.time = lambda: now  # type: ignore[method-assign]
    loop._selector.select = jump
    try:
        return loop.run_until_complete(asyncio.wait_for(main, limit))
    finally:
        # who swallows its cancellation is let go on to its end, which costs no time here
        if left := asyncio.all_tasks(loop):
            loop.run_until_complete(asyncio.wait(left))
        loop.close()


@dataclass
class Run:
    """The script of one run of a fake service: get ready, work for a while, and end."""

    ready_after: float | None = 0.0
    """None for never."""
    lasts: float | None = None
    """Seconds after it was ready; None to work until it is stopped."""
    ends: BaseException | int | None = None
    drains: float | None = 0.0
    """Seconds it needs to stop; None to swallow every cancellation."""


@dataclass
class FakeService:
    """Follows its `runs` one after the other, then repeats the last; notes the events."""

    runs: list[Run] = field(default_factory=lambda: [Run()])
    note: Callable[[str], None] = lambda what: None
    began: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)

    async def run(self, ready: Ready, stop: asyncio.Event) -> int | None:
        loop = asyncio.get_running_loop()
        plan = self.runs[min(len(self.began), len(self.runs) - 1)]
        self.began.append(loop.time())
        self.note("start")
        try:
            return await self._do(plan, ready, stop)
        finally:
            self.ended.append(loop.time())
            self.note("end")

    async def _do(self, plan: Run, ready: Ready, stop: asyncio.Event) -> int | None:
        if plan.ready_after is None or await _until(stop, plan.ready_after):
            if plan.drains is None:
                await _for_ever()
            await stop.wait()
            return None
        if plan.ready_after or plan.lasts != 0 or plan.ends is None:
            ready("here")
            self.note("ready")
        if await _until(stop, plan.lasts):
            self.note("stop")
            if plan.drains is None:
                await _for_ever()
            else:
                await asyncio.sleep(plan.drains)
            self.note("drained")
            return None
        if isinstance(plan.ends, BaseException):
            raise plan.ends
        return plan.ends


class Diary:
    """The notes of several services, in the order of the events."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def service(self, name: str, *runs: Run) -> FakeService:
        return FakeService(list(runs) or [Run()], lambda what: self.entries.append((name, what)))

    def of(self, what: str) -> list[str]:
        return [name for name, noted in self.entries if noted == what]


async def _until(stop: asyncio.Event, seconds: float | None) -> bool:
    """True if `stop` is set before that many seconds are over."""
    if seconds == 0:
        return stop.is_set()
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _for_ever() -> None:
    """Swallow every cancellation but the end of the test."""
    loop = asyncio.get_running_loop()
    until = loop.time() + 1000
    while loop.time() < until:
        try:
            await asyncio.sleep(until - loop.time())
        except asyncio.CancelledError:
            continue


def id_of(name: str) -> EntryId:
    return EntryId("app", name)


def spec(
    name: str,
    service: Service,
    stage: Stage = Stage.PROCESS,
    restart: Backoff | None = None,
    **lifecycle: Any,
) -> ServiceSpec:
    """A service that starts with the application, with the defaults of the schema."""
    settings = {
        "auto_start": True,
        "start_timeout": 10.0,
        "stop_timeout": 10.0,
        "stable_threshold": 5.0,
        "restart": restart or Backoff(),
        "max_attempts": 0,
        **lifecycle,
    }
    return ServiceSpec(id_of(name), service, stage, Lifecycle(**settings))


def clock_of_the_loop() -> Clock:
    """A clock that jumps as the loop of `run` does."""
    loop = asyncio.get_running_loop()
    return Clock(time=loop.time, monotonic=loop.time, call_later=loop.call_later)


def child(
    service: Service, *, clock: Clock | None = None, **settings: Any
) -> tuple[Child, list[str]]:
    """A child, and the list of the states it goes through."""
    states: list[str] = []
    it = Child(
        spec("it", service, **settings),
        lambda it: states.append(it.state),
        clock or clock_of_the_loop(),
    )
    return it, states


def graph_of(
    specs: Iterable[ServiceSpec], needs: Mapping[str, Iterable[str]] | None = None
) -> Graph[EntryId]:
    """A graph of the services and of whatever else `needs` names."""
    edges: dict[EntryId, list[EntryId]] = {each.id: [] for each in specs}
    for name, others in (needs or {}).items():
        edges.setdefault(id_of(name), []).extend(map(id_of, others))
    return Graph(edges)


def supervisor(
    specs: Iterable[ServiceSpec],
    needs: Mapping[str, Iterable[str]] | None = None,
    **options: Any,
) -> Supervisor:
    by_id = {each.id: each for each in specs}
    options.setdefault("clock", clock_of_the_loop())
    return Supervisor(by_id, graph_of(by_id.values(), needs), **options)


async def apply(
    it: Supervisor, specs: Iterable[ServiceSpec], needs: Mapping[str, list[str]] | None = None
) -> bool:
    """Apply services over a graph as `supervisor` makes it."""
    by_id = {each.id: each for each in specs}
    return await it.apply(by_id, graph_of(by_id.values(), needs))
