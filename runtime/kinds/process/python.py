"""process.python: a Python function that runs as a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from runtime.handlers.context import Call, current
from runtime.handlers.threads import own_thread
from runtime.kind import BuildContext, Kind
from runtime.kinds.process import ProcessRun


class Config(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    method: str
    modules: list[str]


class PythonProcess:
    def __init__(self, config: Config, context: BuildContext) -> None:
        self.id = context.id
        self.handler = context.handlers.load(
            config.source, config.method, context.manifest_folder, context.position
        )
        self._scope = context.scope

    @property
    def blocking(self) -> bool:
        return self.handler.blocking

    async def call(self, run: ProcessRun, *arguments: Any) -> Any:
        current.set(Call(self.id, self._scope, run))
        try:
            if self.handler.blocking:  # it may run for ever: no pooled thread is for that
                function = self.handler.function
                return await own_thread(str(self.id), _exit_code_of, function, arguments)
            return await self.handler(*arguments)
        except SystemExit as exit:
            return exit.code


def _exit_code_of(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except SystemExit as exit:  # an exit code by another way, and not the program's end
        return exit.code


kind = Kind("process.python", Config, PythonProcess)
