"""Routes: the addresses of the pages, of their assets and of the stream.

The pages are imported with the first request for one: they take a megabyte.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from runtime.engines.management.pages.assets import assets
from runtime.engines.management.table import Desk, get, get_private, post
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Handler, Route

if TYPE_CHECKING:
    from runtime.engines.management.pages.site import Site

PAGES = {
    "/": "overview",
    "/queues": "queues",
    "/queues/{id}": "queue",
    "/dead": "dead",
    "/traces": "traces",
    "/traces/{id}": "trace",
    "/errors": "errors",
    "/services": "services",
    "/services/{id}": "service",
    "/entries": "entries",
    "/entries/{id}": "entry",
    "/schedules": "schedules",
}
"""The methods of `Site` by the addresses of their pages."""
_PAYLOAD = "/queues/{queue}/messages/{id}/payload"
_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
_STREAM = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


def routes(desk: Desk) -> Iterable[Route]:
    @cache
    def site() -> Site:
        from runtime.engines.management.pages.site import Site

        return Site(desk, desk.source.outlook)

    async def stream(exchange: Exchange) -> StreamingResponse:
        told = await site().events.stream(exchange)
        return StreamingResponse(told, headers=_STREAM, media_type="text/event-stream")

    async def act(exchange: Exchange) -> Any:
        return await site().act(exchange)

    for path, name in PAGES.items():
        yield get(path, _page(site, name))

    async def graph(exchange: Exchange) -> Any:
        return await site().graph(exchange)

    async def letters(exchange: Exchange) -> Any:
        return await site().letters(exchange)

    yield get("/api/graph", graph)
    yield get("/api/dead", letters)
    yield get_private(desk, _PAYLOAD, _page(site, "payload"))
    yield get("/events", stream)
    yield post(desk, "/act", act)
    for asset in assets().values():
        yield get(asset.address, _sending(asset.data, asset.media_type))


def _page(site: Callable[[], Site], name: str) -> Handler:
    async def answer(exchange: Exchange) -> Any:
        there = site()
        return await there.page(getattr(there, name))(exchange)

    return answer


def _sending(data: bytes, media_type: str) -> Callable[[Exchange], Awaitable[Any]]:
    async def send(exchange: Exchange) -> Response:
        return Response(data, headers=_IMMUTABLE, media_type=media_type)

    return send
