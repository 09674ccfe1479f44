"""http.guard: a Python function that decides if a request may reach an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from runtime.engines.web.arguments import Arguments as RequestArguments
from runtime.engines.web.arguments import caller
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.guard import Guard, verdict
from runtime.engines.web.route_path import parameter_names
from runtime.handlers.arguments.origin import read
from runtime.handlers.arguments.signature import Signature
from runtime.handlers.invocation import Invocation
from runtime.kind import Arguments, BuildContext, Expected, Kind, Linked
from runtime.kinds.http import GUARDED


class Config(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    method: str
    modules: list[str] | None
    security: dict[str, Any] | None


class PythonGuard:
    """The guard as long as its function has no annotated parameters, wherever it stands."""

    def __init__(self, config: Config, context: BuildContext) -> None:
        handler = context.handlers.load(
            config.source, config.method, context.manifest_folder, context.position
        )
        self.id = context.id
        self.function = handler.declared
        self.security: Mapping[str, Any] | None = config.security
        self._scope = context.scope
        self._takes_argument = handler.takes_argument
        self._blocking = handler.blocking
        self.call = Invocation(
            context.id, context.scope, handler, context.telemetry, holds=context.holds
        ).call

    def at(self, method: str, path: str) -> Guard:
        names, namespace = parameter_names(path), self.id.namespace
        by = caller(method, path, names, namespace, blocking=self._blocking)
        signature = read(self.function, by)
        if not signature.typed:
            return self
        arguments = RequestArguments(signature, by, self._scope, reads_body=False)
        return TypedGuard(self, signature, arguments)

    async def check(self, exchange: Exchange) -> Response | None:
        # Of a plain `def`, the module's `http.request()` gives the same object.
        request = exchange.bodiless_request if self._blocking else exchange.request
        arguments = (request,) if self._takes_argument else ()
        return verdict(await self.call(exchange, *arguments))


class TypedGuard:
    """The guard of one route, with what its function asks for by annotations."""

    def __init__(
        self, guard: PythonGuard, signature: Signature, arguments: RequestArguments
    ) -> None:
        self.id = guard.id
        self.signature = signature
        self.function = guard.function
        self.security = guard.security
        self._call = guard.call
        self._arguments = arguments

    async def check(self, exchange: Exchange) -> Response | None:
        return verdict(await self._call(exchange, *await self._arguments.fill(exchange)))


def check(entry: Linked) -> Iterable[Arguments]:
    yield Arguments((), 0, 1, "a request", by_annotation=True)


kind = Kind(
    "http.guard",
    Config,
    PythonGuard,
    check=check,
    expected=Expected(GUARDED, "nothing asks this guard"),
)
