"""process.python: a Python function that runs as a process."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from runtime.handlers.arguments.named import NamedArguments
from runtime.handlers.invocation import Invocation, LoadedHandler
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
        entries = NamedArguments(
            handler.declared, {}, context.scope, context.id.namespace, blocking=handler.blocking
        )
        self._invocation = Invocation(
            context.id,
            context.scope,
            _WithEntries(handler, entries) if entries else handler,
            context.telemetry,
            submit=self._submit,
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


class _WithEntries:
    """A handler whose annotations name entries: it is called with them, and with its input."""

    def __init__(self, handler: LoadedHandler, entries: NamedArguments) -> None:
        self.declared = handler.declared
        self.blocking = handler.blocking
        self.takes_argument = handler.takes_argument
        self.submit = handler.submit
        self._entries = entries
        named = inspect.signature(handler.declared).parameters
        self._others = [name for name in named if name not in entries]

    def function(self, *arguments: Any) -> Any:
        by_name = dict(zip(self._others, arguments, strict=False))
        rest = arguments[len(by_name) :]  # which is an error of its own
        return self.declared(*rest, **by_name, **self._entries.filled())


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
