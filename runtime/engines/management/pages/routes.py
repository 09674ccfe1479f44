"""Routes: the addresses of the pages, of their assets and of the stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.responses import Response, StreamingResponse

from runtime.engines.management.pages.assets import assets
from runtime.engines.management.pages.events import HEADERS, Events
from runtime.engines.management.pages.site import Site
from runtime.engines.management.table import Desk, get, get_private, post
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route

_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}


def routes(desk: Desk) -> Iterable[Route]:
    site = Site(desk, desk.source.outlook)
    events = Events(site.sight, site.flow)

    async def stream(exchange: Exchange) -> StreamingResponse:
        told = await events.stream(exchange)
        return StreamingResponse(told, headers=HEADERS, media_type="text/event-stream")

    yield get("/", site.page(site.overview))
    yield get("/queues", site.page(site.queues))
    yield get("/queues/{id}", site.page(site.queue))
    yield get_private(desk, "/queues/{queue}/messages/{id}/payload", site.page(site.payload))
    yield get("/dead", site.page(site.dead))
    yield get("/traces", site.page(site.traces))
    yield get("/traces/{id}", site.page(site.trace))
    yield get("/errors", site.page(site.errors))
    yield get("/services", site.page(site.services))
    yield get("/services/{id}", site.page(site.service))
    yield get("/entries", site.page(site.entries))
    yield get("/entries/{id}", site.page(site.entry))
    yield get("/schedules", site.page(site.schedules))
    yield get("/events", stream)
    yield post(desk, "/act", site.act)
    for asset in assets().values():
        yield get(asset.address, _sending(asset.data, asset.media_type))


def _sending(data: bytes, media_type: str) -> Callable[[Exchange], Awaitable[Any]]:
    async def send(exchange: Exchange) -> Response:
        return Response(data, headers=_IMMUTABLE, media_type=media_type)

    return send
