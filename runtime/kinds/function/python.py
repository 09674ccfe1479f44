"""function.python: a Python function that endpoints and consumers call."""

from __future__ import annotations

import msgspec

from runtime.handlers.invocation import Invocation
from runtime.kind import BuildContext, Kind


class Config(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    method: str
    modules: list[str]


class PythonFunction:
    def __init__(self, config: Config, context: BuildContext) -> None:
        handler = context.handlers.load(
            config.source, config.method, context.manifest_folder, context.position
        )
        self.id = context.id
        self.takes_argument = handler.takes_argument
        self.blocking = handler.blocking
        # Not a method: it would be one more call for every request and message.
        self.call = Invocation(context.id, context.scope, handler, context.telemetry).call


kind = Kind("function.python", Config, PythonFunction)
