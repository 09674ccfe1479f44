"""Program: measures one tool in a process of its own, and prints the figures as JSON.

    python -m benchmarks.queues.program MODULE URL SERVER_PID COUNT

MODULE has a `Tool`. It publishes COUNT tasks, then works on them, then does both at once.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from time import perf_counter
from typing import Protocol

import msgspec

from benchmarks.service import run
from tests.support.guard import descendants

LIMIT = 180.0
"""Seconds after which a phase has failed."""

TICK = 1 / os.sysconf("SC_CLK_TCK")


class Tool(Protocol):
    """A queue of no-op tasks that survive a kill of the server and of the worker.

    It is made on a running loop, with the address of its server and the function that each task
    calls, from any thread.
    """

    def __init__(self, url: str, done: Callable[[], None]) -> None: ...

    async def prepare(self) -> None:
        """Make what it needs on an empty server."""

    async def publish(self, count: int) -> None:
        """Publish that many, from 64 callers; returns when the last is confirmed."""

    def working(self) -> AbstractAsyncContextManager[None]:
        """Run a worker in this process."""


class Phase(msgspec.Struct, frozen=True):
    """Tasks a second, and microseconds of processor time a task."""

    rate: float
    client: float
    server: float


class Figures(msgspec.Struct, frozen=True):
    publish: Phase
    backlog: Phase
    both: Phase


class Countdown:
    """Counts tasks that are done, in any thread, and wakes the loop after the last."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.expect(0)

    def expect(self, count: int) -> None:
        self._count = count
        self._step = itertools.count(1).__next__
        self._ended = asyncio.Event()

    def __call__(self) -> None:
        if self._step() == self._count:
            self._loop.call_soon_threadsafe(self._ended.set)

    async def wait(self) -> None:
        await self._ended.wait()


def server_cpu(guard: int) -> float:
    """Seconds of processor time of a server: of its processes, and of their children that ended."""
    total = 0
    for pid in descendants(guard):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        total += sum(map(int, stat[11:15]))
    return total * TICK


class Stopwatch:
    """Time, and processor time of this process and of the server, since it was started."""

    def __init__(self, guard: int) -> None:
        self._guard = guard
        self._began = self._now()

    def _now(self) -> tuple[float, float, float]:
        return perf_counter(), sum(os.times()[:4]), server_cpu(self._guard)

    def phase(self, count: int) -> Phase:
        seconds, client, server = (
            now - then for now, then in zip(self._now(), self._began, strict=True)
        )
        return Phase(count / seconds, 1e6 * client / count, 1e6 * server / count)


async def measure(make: type[Tool], url: str, guard: int, count: int) -> Figures:
    done = Countdown()
    tool = make(url, done)
    await tool.prepare()
    async with asyncio.timeout(LIMIT):
        watch = Stopwatch(guard)
        await tool.publish(count)
        publish = watch.phase(count)

        done.expect(count)
        watch = Stopwatch(guard)
        async with tool.working():
            await done.wait()
            backlog = watch.phase(count)

            done.expect(count)
            watch = Stopwatch(guard)
            await tool.publish(count)
            await done.wait()
            both = watch.phase(count)
    return Figures(publish, backlog, both)


def main(module: str, url: str, guard: str, count: str) -> None:
    tool = importlib.import_module(module).Tool
    figures = run(measure(tool, url, int(guard), int(count)))
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
