"""Routes: the addresses of the pages, of their assets and of the stream.

The pages are imported with the first request for one: they take a megabyte.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from runtime.engines.management.pages.assets import assets
from runtime.engines.management.table import Desk, get, post
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Handler, Route

if TYPE_CHECKING:
    from runtime.engines.management.pages.dashboard import Dashboard

PAGES = {
    "/": "site.overview",
    "/queues": "queues.all",
    "/queues/{id}": "queues.one",
    "/queues/{id}/publish": "queues.form",
    "/queues/{id}/messages": "queues.messages",
    "/queues/{id}/messages/{message}": "queues.message",
    "/queues/{id}/messages/{message}/payload": "queues.payload",
    "/dead": "site.dead",
    "/traces": "site.traces",
    "/traces/{id}": "site.trace",
    "/errors": "site.errors",
    "/log": "site.log",
    "/services": "site.services",
    "/services/{id}": "site.service",
    "/entries": "site.entries",
    "/entries/{id}": "site.entry",
    "/schedules": "site.schedules",
}
"""The methods of a dashboard's parts by the addresses of their pages."""
_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
_STREAM = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


def routes(desk: Desk) -> Iterable[Route]:
    @cache
    def dashboard() -> Dashboard:
        from runtime.engines.management.pages.dashboard import Dashboard

        return Dashboard(desk)

    async def stream(exchange: Exchange) -> StreamingResponse:
        told = await dashboard().events.stream(exchange)
        return StreamingResponse(told, headers=_STREAM, media_type="text/event-stream")

    def page(name: str) -> Handler:
        async def answer(exchange: Exchange) -> Any:
            return await dashboard().page(name)(exchange)

        return answer

    def calling(name: str) -> Handler:
        async def call(exchange: Exchange) -> Any:
            return await dashboard().part(name)(exchange)

        return call

    for path, name in PAGES.items():
        yield get(path, page(name))
    yield get("/api/graph", calling("site.graph"))
    yield get("/api/dead", calling("site.letters"))
    yield get("/events", stream)
    yield post(desk, "/act", calling("acting.act"))
    yield post(desk, "/queues/{id}/publish", calling("queues.publish"))
    for asset in assets().values():
        yield get(asset.address, _sending(asset.data, asset.media_type))


def _sending(data: bytes, media_type: str) -> Callable[[Exchange], Awaitable[Any]]:
    async def send(exchange: Exchange) -> Response:
        return Response(data, headers=_IMMUTABLE, media_type=media_type)

    return send
