"""process.python: a Python function that runs as a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from runtime.handlers.invocation import Invocation
from runtime.handlers.threads import run_in_thread
from runtime.kind import BuildContext, Expected, Kind
from runtime.kinds.process import ProcessRun


class Config(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    method: str
    modules: list[str] | None


class PythonProcess:
    def __init__(self, config: Config, context: BuildContext) -> None:
        handler = context.handlers.load(
            config.source, config.method, context.manifest_folder, context.position
        )
        self.blocking = handler.blocking
        self._invocation = Invocation(
            context.id, context.scope, handler, context.telemetry, submit=self._submit
        )
        self._thread_name = str(context.id)

    async def call(self, run: ProcessRun, *arguments: Any) -> Any:
        try:
            return await self._invocation.call(run, *arguments)
        except SystemExit as exit:
            return exit.code

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        """Run a plain `def` in a thread of its own: it may never return, and the pool is small."""
        return run_in_thread(self._thread_name, _exit_code_of, function, arguments)


def _exit_code_of(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except SystemExit as exit:  # an exit code: the thread's call would make an error of it
        return exit.code


kind = Kind(
    "process.python",
    Config,
    PythonProcess,
    expected=Expected(("process.service",), "no service runs this process"),
)
