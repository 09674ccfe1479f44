"""Typed handlers, served within the test: a request goes through all but the sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

import httpx
import msgspec
from msgspec import Meta

from runtime.engines.web.arguments import Arguments, caller
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.route_path import parameter_names
from runtime.engines.web.routes import Route, Routes
from runtime.entry_id import EntryId
from runtime.handlers.arguments.origin import read
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handler
from runtime.handlers.invocation import Invocation
from runtime.handlers.threads import ThreadPool

MAX_BODY = 1024 * 1024


class Item(msgspec.Struct):
    n: Annotated[int, Meta(ge=1)]
    name: str = "x"


class NewTask(msgspec.Struct, forbid_unknown_fields=True):
    action: Literal["uppercase", "sum", "noop"]
    data: dict[str, Any] = {}
    items: list[Item] = []
    due: date | None = None


class Served:
    """One handler behind one route."""

    def __init__(
        self,
        function: Callable[..., Any],
        method: str = "POST",
        path: str = "/",
        components: dict[str, Any] | None = None,
    ) -> None:
        self.method = method
        scope = ApplicationContext()
        scope.components = {EntryId("app", name): each for name, each in (components or {}).items()}
        handler = Handler(function, ThreadPool(2).submit)
        invocation = Invocation(EntryId("app", "handler"), scope, handler)
        by = caller(method, path, parameter_names(path), "app", blocking=handler.blocking)
        self.signature = read(handler.declared, by)
        answer = Arguments(self.signature, by, scope).handler(invocation.call)
        self.dispatcher = Dispatcher(max_body=MAX_BODY)
        self.dispatcher.serve(Routes([Route(method=method, path=path, handler=answer)]))

    def __call__(self, path: str = "/", **options: Any) -> httpx.Response:
        return asyncio.run(self._request(path, **options))

    async def _request(self, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.dispatcher)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(self.method, path, **options)

    def errors(self, path: str = "/", **options: Any) -> list[tuple[str, str, str]]:
        """The errors of a refusal: each as location, pointer or name, and detail."""
        answer = self(path, **options)
        assert answer.status_code == 422, (answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        found = answer.json()["errors"]
        return [
            (each["in"], each.get("pointer") or each.get("name"), each["detail"]) for each in found
        ]
