"""process.service: a process that the supervisor starts, watches and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from runtime.kind import Arguments, BuildContext, Kind, Linked, Ready, Stage
from runtime.kinds.process import Host, Process, ProcessRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    process: Process
    host: Host
    input: list[Any]
    type: str


class BadExit(Exception):
    """A process returned something that is no exit code."""


class ProcessService:
    def __init__(self, config: Config, context: BuildContext) -> None:
        self._process = config.process
        self._host = config.host
        self._input = config.input
        self._type = config.type

    async def run(self, ready: Ready, stop: asyncio.Event) -> int:
        with self._host.place():
            run = ProcessRun(ready if self._type == "notify" else _nothing, stop)
            task = asyncio.create_task(self._main(run))
            if self._type == "simple":
                ready()
            try:
                return await self._watch(task, run, stop, ready)
            finally:
                task.cancel()

    async def _main(self, run: ProcessRun) -> int:
        try:
            result = await self._process.call(run, *self._input)
        except SystemExit as exit:  # an exit code by another way, and not the program's end
            result = exit.code
        return _exit_code(result)

    async def _watch(
        self, task: asyncio.Task[int], run: ProcessRun, stop: asyncio.Event, ready: Ready
    ) -> int:
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if not task.done() and not run.asked_to_know and not self._process.blocking:
            task.cancel()
        await asyncio.wait({task})
        if task.cancelled():
            return 0 if stop.is_set() else 1
        code = task.result()
        if code == 0 and self._type == "oneshot":
            ready()
        return code


def _exit_code(result: object) -> int:
    if result is None:
        return 0
    if isinstance(result, int) and not isinstance(result, bool):
        return result
    raise BadExit(f"it returned {result!r}, which is not an exit code; return 0 or nothing")


def _nothing(where: str = "") -> None:
    """`process.ready()` means something only to `type: notify`."""


def check(entry: Linked) -> Iterable[Arguments]:
    count = len(entry.fields["input"])
    yield Arguments(("process",), count, count, "its service")


kind = Kind("process.service", Config, ProcessService, stage=Stage.PROCESS, check=check)
