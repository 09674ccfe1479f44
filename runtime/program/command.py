"""Command: one function of an application in this process, from its start to the exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from runtime.application.part import Part
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.kinds.process import ProcessRun, exit_code
from runtime.loggers import logger
from runtime.program.loop import begin, cancel_remaining_tasks, complete, end
from runtime.program.signals import Signals
from runtime.service import Stage, StartError
from runtime.supervision.child import GRACE

log = logger("runtime")

STOP_TIMEOUT = 30.0
"""Seconds that a function which waits for the stop has to end after it."""
_STAGES = (Stage.RESOURCE, Stage.MIGRATION)
_SIGNALLED = 128
_MOST = 255


def run_command(part: Part, id: EntryId, values: Mapping[str, Any], signals: Signals) -> int:
    """Start what the function needs, call it, stop, and return the exit code.

    The first signal ends it: the function is cancelled, unless it waits for the stop. If a thread
    would keep the process alive, this ends it instead of returning.
    """
    command = _Command(part, id, values)
    loop = begin(signals, command.stop, lambda: STOP_TIMEOUT + GRACE + part.budget)
    result = complete(loop, command.main())
    code = _SIGNALLED + signals.number if result is None else result
    stuck = complete(loop, cancel_remaining_tasks(loop))
    return end(loop, code, stuck or part.is_stuck)


class _Command:
    def __init__(self, part: Part, id: EntryId, values: Mapping[str, Any]) -> None:
        self._part = part
        self._id = id
        self._values = values
        self._stopping = asyncio.Event()
        self._run = ProcessRun(1, _ignore, self._stopping)

    def stop(self) -> None:
        self._stopping.set()

    async def main(self) -> int | None:
        """The exit code; None if a signal ended it."""
        opened = asyncio.create_task(self._opened())
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({opened, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            if self._run.awaits_stop:
                await asyncio.wait({opened}, timeout=STOP_TIMEOUT)
            opened.cancel()
            await asyncio.wait({opened})
        stopped.cancel()
        if opened.cancelled():
            return None
        return opened.result()

    async def _opened(self) -> int:
        try:
            async with self._part.open(_STAGES):
                return await self._call()
        except StartError as error:
            log.error("%s", error)
            return ExitCode.START_FAILED

    async def _call(self) -> int:
        process = self._part.components[self._id]
        try:
            result = await process.call_by_name(self._run, self._values)
            if isinstance(result, str):  # as console scripts have it, and sys.exit
                print(result, file=sys.stderr)
                return ExitCode.INTERNAL_ERROR
            code = exit_code(result)
        except StartError as error:
            log.error("%s: %s", self._id, error, extra={"entry": self._id})
            return ExitCode.INTERNAL_ERROR
        except Exception as error:
            log.error("%s failed", self._id, exc_info=error, extra={"entry": self._id})
            return ExitCode.INTERNAL_ERROR
        return code if 0 <= code <= _MOST else ExitCode.INTERNAL_ERROR


def _ignore(where: str = "") -> None:
    """`process.ready()` has no effect: nothing waits for a command."""
