"""process.service: a process under the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any, NoReturn

import msgspec

from runtime.findings.finding import Problem
from runtime.kind import (
    Arguments,
    BuildContext,
    Kind,
    Linked,
    Ready,
    Stage,
    Unavailable,
)
from runtime.kinds.db.sql import Database
from runtime.kinds.process import Host, Process, ProcessRun, exit_code
from runtime.service import run_until
from runtime.units import format_duration

CLEANUP = 0.5
"""Seconds that a silent process has to end when it is cancelled, as at a stop."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    process: Process
    host: Host
    input: list[Any]
    type: str
    exclusive: Database | None
    watchdog: float | None


class ProcessService:
    def __init__(self, config: Config, context: BuildContext) -> None:
        self._process = config.process
        self._host = config.host
        self._input = config.input
        self._type = config.type
        self._exclusive = config.exclusive
        self._watchdog = config.watchdog
        self._id = str(context.id)
        self._clock = context.clock
        self._runs = 0
        self._current: tuple[ProcessRun, asyncio.Task[int]] | None = None

    async def idle(self) -> None:
        """Wait until the process has nothing to do but wait for the stop, or has ended."""
        if self._current is not None:
            run, main = self._current
            idle = asyncio.create_task(run.idle())
            await asyncio.wait({idle, main}, return_when=asyncio.FIRST_COMPLETED)
            idle.cancel()

    async def run(self, ready: Ready, stop: asyncio.Event) -> int:
        if self._exclusive is None:
            return await self._run(ready, stop)
        async with AsyncExitStack() as stack:
            lock = stack.enter_async_context(self._exclusive.exclusive(self._id))
            if not await run_until(stop, lock):
                return 0  # it was stopped while another program had the lock
            return await self._run(ready, stop)

    async def _run(self, ready: Ready, stop: asyncio.Event) -> int:
        with self._host.slot():
            self._runs += 1
            run = ProcessRun(
                self._runs, ready if self._type == "notify" else _ignore, stop, self._clock
            )
            main = asyncio.create_task(self._main(run))
            self._current = run, main
            if self._type == "simple":
                ready()
            # a oneshot that ends with 0 counts as ready
            return await self._watch(main, run, stop)

    async def _main(self, run: ProcessRun) -> int:
        return exit_code(await self._process.call(run, *self._input))

    async def _watch(self, main: asyncio.Task[int], run: ProcessRun, stop: asyncio.Event) -> int:
        """Wait until the process has ended and return its exit code. Cancels it if cancelled."""
        stopped = asyncio.create_task(stop.wait())
        watched = asyncio.create_task(self._bark(run))
        try:
            await asyncio.wait({main, stopped, watched}, return_when=asyncio.FIRST_COMPLETED)
            if watched.done() and not main.done():
                await self._give_up(main)
            if not run.awaits_stop:
                self._cancel(main)
            await asyncio.wait({main})
        except asyncio.CancelledError:
            self._cancel(main)
            await asyncio.wait({main})
            raise
        finally:
            stopped.cancel()
            watched.cancel()
        if main.cancelled():
            return 0 if stop.is_set() else 1
        return main.result()

    async def _bark(self, run: ProcessRun) -> None:
        """Return if the process was not heard of for too long; for ever if nobody asks that."""
        if self._watchdog is None:
            await asyncio.Event().wait()
        else:
            await run.silent(self._watchdog)

    async def _give_up(self, main: asyncio.Task[int]) -> NoReturn:
        """End a process that is silent. Raises Unavailable: the supervisor starts it again."""
        assert self._watchdog is not None
        text = f"it did not call process.alive() for {format_duration(self._watchdog)}"
        if self._process.blocking:
            raise Unavailable(f"{text}; its thread cannot be ended, and goes on")
        main.cancel()
        _, left = await asyncio.wait({main}, timeout=CLEANUP)
        if left:
            raise Unavailable(f"{text}, and goes on although it was cancelled")
        raise Unavailable(text)

    def _cancel(self, main: asyncio.Task[int]) -> None:
        if not self._process.blocking:  # a thread cannot be cancelled: its slot stays taken
            main.cancel()


def _ignore(where: str = "") -> None:
    """`process.ready()` has an effect only with `type: notify`."""


def check(entry: Linked) -> Iterable[Arguments | Problem]:
    process = entry.follow("process")
    if process is not None and process.kind.stage is not None:  # a host, or another service
        message = f"'{process.id}' is of kind {process.kind.name}, which is not a process"
        yield Problem(("process",), message, "name one of kind process.python")
        return
    count = len(entry.fields["input"])
    yield Arguments(("process",), count, count, "its service", by_annotation=True)


kind = Kind("process.service", Config, ProcessService, stage=Stage.PROCESS, check=check)
