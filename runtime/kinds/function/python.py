"""function.python: a Python function that endpoints and consumers call."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import msgspec

from runtime.handlers.context import Call, current
from runtime.kind import BuildContext, Kind


class Config(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    method: str
    modules: list[str]


class PythonFunction:
    """Holds its handler in one slot, so that another can take its place while calls go on."""

    def __init__(self, config: Config, context: BuildContext) -> None:
        self.id = context.id
        self.handler = context.handlers.load(
            config.source, config.method, context.manifest_folder, context.position
        )
        self._scope = context.scope

    @property
    def takes_argument(self) -> bool:
        return self.handler.takes_argument

    @property
    def blocking(self) -> bool:
        return self.handler.blocking

    def call(self, subject: object, *arguments: Any) -> Awaitable[Any]:
        current.set(Call(self.id, self._scope, subject))
        return self.handler(*arguments)


kind = Kind("function.python", Config, PythonFunction)
