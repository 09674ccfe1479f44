"""A server with routers, endpoints and folders, composed without a manifest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from runtime.clock import REAL, Clock
from runtime.engines.web.routes import Route
from runtime.entry_id import EntryId
from runtime.findings.finding import Position
from runtime.handlers.context import ApplicationContext, Call, current
from runtime.kind import BuildContext
from runtime.kinds.http import Part, endpoint, router, service, static
from tests.support.serving import PATIENT

FOLDER = Path(__file__).parent
SCOPE = ApplicationContext()


class NoHandlers:
    def load(self, *arguments: Any) -> Any:
        raise AssertionError("no handler is loaded here")


def context(name: str = "entry", folder: Path = FOLDER, clock: Clock = REAL) -> BuildContext:
    return BuildContext(
        id=EntryId("app", name),
        scope=SCOPE,
        folder=folder,
        manifest_folder=folder,
        position=lambda *path: Position("_index.yaml", 1, len(path)),
        handlers=NoHandlers(),
        clock=clock,
    )


class Function:
    def __init__(self, handler: Any, *, takes_argument: bool = False) -> None:
        self.id = EntryId("app", "function")
        self.takes_argument = takes_argument
        self.blocking = not asyncio.iscoroutinefunction(handler)
        self._handler = handler

    def call(self, subject: object, *arguments: Any) -> Awaitable[Any]:
        current.set(Call(self.id, SCOPE, subject))
        if self.blocking:
            return asyncio.to_thread(self._handler, *arguments)
        return self._handler(*arguments)  # type: ignore[no-any-return]


class Site:
    """A server with what refers to it, composed as an application composes them."""

    def __init__(self, addr: str = "127.0.0.1:0", tls: service.TlsConfig | None = None) -> None:
        config = service.Config(
            addr=addr,
            timeouts=PATIENT,
            max_body=1000,
            max_connections=None,
            tls=tls,
            openapi=False,
            drain_delay=0.0,
        )
        self.server = service.HttpService(config, context("gateway"))
        self._parts: list[Part] = []
        self._routes: dict[Part, list[Route]] = {}

    def router(
        self, prefix: str = "", middleware: Any = (), options: Any = None, guards: Any = ()
    ) -> router.Router:
        config = router.Config(
            meta=router.Meta(server=self.server),
            prefix=prefix,
            middleware=list(middleware),
            options=options,
            guards=list(guards),
        )
        made = router.Router(config, context("router"))
        self._parts.append(made)
        return made

    def folder(self, parent: Path, **fields: Any) -> None:
        config = static.Config(
            **{
                "meta": static.Meta(server=self.server),
                "path": "/",
                "spa": False,
                "index": "index.html",
                "cache": None,
                "guards": [],
                **fields,
            }
        )
        self._parts.append(static.StaticFolder(config, context("site", parent)))

    def endpoint(
        self,
        on: router.Router,
        method: str,
        path: str,
        handler: Any,
        *,
        argument: bool = False,
        guards: Any = (),
        timeout: float | None = None,
        clock: Clock = REAL,
    ) -> None:
        config = endpoint.Config(
            meta=endpoint.Meta(router=on, tags=None),
            method=method,
            path=path,
            func=Function(handler, takes_argument=argument),
            answer="json",
            guards=list(guards),
            timeout=timeout,
        )
        self._routes.setdefault(on, []).append(
            endpoint.build(config, context("endpoint", clock=clock))
        )

    def compose(self) -> service.HttpService:
        for on, routes in self._routes.items():
            router.Router.compose(on, routes)  # type: ignore[arg-type]
        self.server.compose(self._parts)
        return self.server
