"""http.guard: a Python function that decides if a request may reach an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.guard import verdict
from runtime.handlers.invocation import Invocation
from runtime.kind import Arguments, BuildContext, Expected, Kind, Linked
from runtime.kinds.http import GUARDED


class Config(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    method: str
    modules: list[str]
    security: dict[str, Any] | None


class PythonGuard:
    def __init__(self, config: Config, context: BuildContext) -> None:
        handler = context.handlers.load(
            config.source, config.method, context.manifest_folder, context.position
        )
        self.id = context.id
        self.function = handler.declared
        self.security: Mapping[str, Any] | None = config.security
        self._takes_argument = handler.takes_argument
        self._blocking = handler.blocking
        self._call = Invocation(context.id, context.scope, handler, context.telemetry).call

    async def check(self, exchange: Exchange) -> Response | None:
        # Of a plain `def`, the module's `http.request()` gives the same object.
        request = exchange.bodiless_request if self._blocking else exchange.request
        arguments = (request,) if self._takes_argument else ()
        return verdict(await self._call(exchange, *arguments))


def check(entry: Linked) -> Iterable[Arguments]:
    yield Arguments((), 0, 1, "a request")


kind = Kind(
    "http.guard",
    Config,
    PythonGuard,
    check=check,
    expected=Expected(GUARDED, "nothing asks this guard"),
)
