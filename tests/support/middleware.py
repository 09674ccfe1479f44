"""Shared by the tests of middleware: a server with some middleware, and what its clients get."""

from __future__ import annotations

from typing import Any

from runtime.clock import REAL, Clock
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Group
from runtime.kinds.http.router import build_chain
from tests.support.serving import Answer, route, run, served


async def hello(exchange: Exchange) -> Any:
    request = exchange.request
    return {"client": request.client.host if request.client else None, "url": str(request.url)}


async def long(exchange: Exchange) -> str:
    return "a" * 5000


def group_of(names: list[str], options: dict[str, Any], clock: Clock = REAL) -> Group:
    chain = build_chain(names, options, clock)
    assert chain.problems == []
    return Group(middleware=chain.middleware)


def answers(
    names: list[str], options: dict[str, Any], *requests: tuple[str, ...], handler: Any = long
) -> list[Answer]:
    """The answers to clients behind some middleware; a request is method, path and headers."""

    async def main() -> list[Answer]:
        group = group_of(names, options)
        routes = [
            route("GET", "/x", hello, group=group),
            route("GET", "/long", handler, group=group),
        ]
        async with served(routes, groups=[group]) as server:
            return [
                await server.get(path, *headers, method=method)
                for method, path, *headers in requests
            ]

    return run(main())  # type: ignore[no-any-return]
