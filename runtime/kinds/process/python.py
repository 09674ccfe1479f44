"""process.python: a Python function that runs as a process."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from runtime.context import Call, current
from runtime.kind import BuildContext, Kind
from runtime.kinds.process import ProcessRun
from runtime.threads import own_thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
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

    def call(self, run: ProcessRun, *arguments: Any) -> Awaitable[Any]:
        current.set(Call(self.id, self._scope, run))
        if self.handler.blocking:  # it may run for ever, so it must not take a pooled thread
            return own_thread(self.handler.function, *arguments)
        return self.handler(*arguments)


kind = Kind("process.python", Config, PythonProcess)
