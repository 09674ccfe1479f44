"""function.python: a Python function that endpoints and consumers call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from runtime.handlers.arguments.origin import read
from runtime.handlers.arguments.signature import Caller, Signature
from runtime.handlers.invocation import Invocation, LoadedHandler
from runtime.kind import (
    BuildContext,
    Expected,
    Kind,
    Linked,
    Plain,
    Ready,
    Stage,
    StartError,
)

if TYPE_CHECKING:
    from runtime.engines.process_pool.pool import ProcessPool


class Config(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    method: str
    modules: list[str] | None
    processes: int | None


class PythonFunction:
    def __init__(self, handler: LoadedHandler, context: BuildContext) -> None:
        self._handler = handler
        self._context = context
        self.id = context.id
        self.function = handler.declared
        self.takes_argument = handler.takes_argument
        self.blocking = handler.blocking
        # Not a method: it would be one more call for every request and message.
        invocation = Invocation(
            context.id, context.scope, handler, context.telemetry, holds=context.holds
        )
        self.call = invocation.call
        self.generate = invocation.generate

    def signature(self, caller: Caller) -> Signature:
        function = self._handler.declared
        if isinstance(function, type):  # right for a middleware, which has no signature
            place = self._context.position("method")
            text = f"{place}: '{function.__name__}' is a class; name a function, which may make one"
            raise StartError(text)
        return read(function, caller)

    def for_consumer(self, name: str, concurrency: int) -> PythonFunction:
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
            context.id,
            context.scope,
            handler,
            context.telemetry,
            submit=threads,
            holds=context.holds,
        )
        self.call = invocation.call_apart
        self.generate = invocation.generate


class PooledFunction(PythonFunction):
    """The function in processes of its own, which all that call it share: a service."""

    stoppable = True

    def __init__(self, handler: LoadedHandler, pool: ProcessPool, context: BuildContext) -> None:
        super().__init__(_Pooled(handler, pool), context)
        self.pool = pool

    def for_consumer(self, name: str, concurrency: int) -> PythonFunction:
        return self

    async def idle(self) -> None:
        await self.pool.idle()

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        await self.pool.run(ready, stop)


class _Pooled:
    """A handler whose calls leave the program."""

    blocking = True

    def __init__(self, handler: LoadedHandler, pool: ProcessPool) -> None:
        self.function = pool.function
        self.declared = handler.declared
        self.takes_argument = handler.takes_argument
        self.submit = pool.submit


def build(config: Config, context: BuildContext) -> PythonFunction:
    load = context.handlers.load
    handler = load(config.source, config.method, context.manifest_folder, context.position)
    if config.processes is None:
        return PythonFunction(handler, context)
    if not handler.blocking:
        place = context.position("processes")
        raise StartError(f"{place}: '{config.method}' is an async function; write a plain 'def'")
    # Here, since most applications have none.
    from runtime.engines.process_pool.pool import ProcessPool
    from runtime.engines.process_pool.process import Target

    module = context.handlers.module(config.source, context.manifest_folder)
    threads = context.handlers.threads(config.processes, str(context.id))
    target = Target(context.id, module, config.method)
    pool = ProcessPool(target, config.processes, context.scope, threads)
    return PooledFunction(handler, pool, context)


def check(entry: Linked) -> Iterable[Plain]:
    if entry.fields["processes"] is not None:
        yield Plain("its 'processes' call a plain 'def'", "write 'def', or leave out 'processes'")


kind = Kind(
    "function.python",
    Config,
    build,
    stage=Stage.RESOURCE,
    runs_with="processes",
    check=check,
    expected=Expected(("*",), "no entry calls this function"),
)
