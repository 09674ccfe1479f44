"""The frame of the suite: cases, the capabilities they need, and the driver under test."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from runtime.clock import REAL, Clock
from runtime.engines.queue.driver_queue import DriverQueue
from runtime.engines.sql.contract import Transaction
from runtime.kinds.queue.driver import DriverOptions
from tests.support.clock import FakeClock
from tests.support.consuming import SOON, Running

MAX_LENGTH = 5
ROOM = 10_000
"""The `max_length` of queues in cases about something else."""
LATER, NEVER = 0.05, 3600.0
"""Seconds of delay: one that a case waits for, and one that it does not."""

CAPABILITIES = (
    "delay",
    "max_length",
    "overflow",
    "exact_length",
    "info",
    "release",
    "priority",
    "unique",
    "schedule",
    "transaction",
    "dead_letters",
    "rate",
    "concurrency_by",
    "tasks",
    "pause",
)
"""A driver may be without these, if its kind says so in `unsupported`: `exact_length` is a bound
that counts delayed messages and those in flight, `release` gives back without spending an attempt,
`schedule` fires a planned time once, `info` tells how many are delayed and in flight, and
`dead_letters` finds those in other queues, `tasks` finds and cancels single messages, and `pause`
delivers nothing for a while.
"""

Case = Callable[..., Awaitable[None]]
CASES: list[Case] = []


class Service(Protocol):
    """A driver that is its own service, as every component of a `queue.driver.*` kind is."""

    def declare(self, name: str, options: DriverOptions) -> DriverQueue: ...

    async def run(self, ready: Callable[..., None], stop: asyncio.Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Implementation:
    """A driver that the suite is run with."""

    name: str
    """The last word of its kind, by which it finds its options."""
    open: Callable[[Clock], AbstractAsyncContextManager[Service]]
    """Gives the driver, new and not running. What it makes outside of this program it removes."""
    unsupported: Mapping[str, str]
    """Of its kind: by the names of `CAPABILITIES`, the reason why it is without one."""
    begin: Callable[[Any], AbstractAsyncContextManager[Transaction]] | None = None
    """Begins a transaction that a driver which was opened can join, if there are such."""


class Harness:
    """A driver under test, whose service is started and stopped at will."""

    def __init__(self, name: str, driver: Service) -> None:
        self.driver = driver
        self._name = name
        self._running: Running | None = None

    def declare(
        self, name: str, max_length: int = MAX_LENGTH, wait: float | None = None
    ) -> DriverQueue:
        """With `wait`, a full queue lets publishers wait for so many seconds."""
        overflow, timeout = ("refuse", 2.0) if wait is None else ("wait", wait)
        options = {
            "max_length": max_length,
            "overflow": overflow,
            "overflow_timeout": timeout,
        }
        return self.driver.declare(name, {self._name: options})

    async def start(self) -> None:
        self._running = Running(self.driver)
        await asyncio.wait_for(self._running.ready.wait(), SOON)

    async def stop(self) -> None:
        if self._running is not None:
            await self._running.end()
            self._running = None


async def check(implementation: Implementation, other: Implementation, case: Case) -> None:
    """Put a driver through one case; `foreign` is a queue of the other driver."""
    names = inspect.signature(case).parameters
    async with AsyncExitStack() as stack:
        fake = FakeClock()
        clock = fake.clock if "fake" in names else REAL
        driver = await stack.enter_async_context(implementation.open(clock))
        harness = Harness(implementation.name, driver)
        stack.push_async_callback(harness.stop)
        given: dict[str, Any] = {
            "harness": harness,
            "stopped": harness,
            "queue": harness.declare("queue"),
            "other": harness.declare("other"),
            "fake": fake,
            "begin": partial(implementation.begin, driver) if implementation.begin else None,
        }
        if "stopped" not in names:
            await harness.start()
        if "foreign" in names:
            abroad = Harness(other.name, await stack.enter_async_context(other.open(REAL)))
            stack.push_async_callback(abroad.stop)
            given["foreign"] = abroad.declare("foreign")
            await abroad.start()
        await case(**{name: given[name] for name in names})


def cases(unsupported: Mapping[str, str]) -> list[Case]:
    """The cases of a driver whose kind names these as `unsupported`."""
    return [case for case in CASES if not needed(case) & unsupported.keys()]


def needed(case: Case) -> frozenset[str]:
    """The capabilities without which a driver cannot pass a case."""
    return frozenset(getattr(case, "needs", ()))


def case(test: Case) -> Case:
    CASES.append(test)
    return test


def needs(*capabilities: str) -> Callable[[Case], Case]:
    """Stands under `@case`: drivers without one of these are not put through it."""
    assert set(capabilities) <= set(CAPABILITIES)

    def mark(test: Case) -> Case:
        test.needs = capabilities  # type: ignore[attr-defined]
        return test

    return mark
