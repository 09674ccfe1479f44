"""function.python: a Python function that endpoints and consumers call."""

from __future__ import annotations

import msgspec

from runtime.handlers.arguments.origin import read
from runtime.handlers.arguments.signature import Caller, Signature
from runtime.handlers.invocation import Invocation
from runtime.kind import BuildContext, Expected, Kind


class Config(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    method: str
    modules: list[str] | None


class PythonFunction:
    def __init__(self, config: Config, context: BuildContext) -> None:
        self._handler = context.handlers.load(
            config.source, config.method, context.manifest_folder, context.position
        )
        self._context = context
        self.id = context.id
        self.function = self._handler.declared
        self.takes_argument = self._handler.takes_argument
        self.blocking = self._handler.blocking
        # Not a method: it would be one more call for every request and message.
        invocation = Invocation(context.id, context.scope, self._handler, context.telemetry)
        self.call = invocation.call
        self.generate = invocation.generate

    def signature(self, caller: Caller) -> Signature:
        return read(self._handler.declared, caller)

    def for_consumer(self, name: str, concurrency: int) -> ConsumerFunction:
        return ConsumerFunction(self, name, concurrency)


class ConsumerFunction(PythonFunction):
    """The function for one consumer: its messages don't share threads with requests."""

    def __init__(self, function: PythonFunction, name: str, concurrency: int) -> None:
        self._handler = handler = function._handler
        self._context = context = function._context
        self.id = function.id
        self.function = function.function
        self.takes_argument = function.takes_argument
        self.blocking = function.blocking
        threads = context.handlers.threads(concurrency, name)
        invocation = Invocation(
            context.id, context.scope, handler, context.telemetry, submit=threads
        )
        self.call = invocation.call_apart
        self.generate = invocation.generate


kind = Kind(
    "function.python",
    Config,
    PythonFunction,
    expected=Expected(("*",), "no entry calls this function"),
)
