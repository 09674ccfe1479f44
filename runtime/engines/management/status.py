"""Status: the newest snapshot as JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace
from starlette.responses import Response

from runtime import codec
from runtime.engines.management.snapshot import Lag, Snapshot
from runtime.engines.management.table import Desk, get
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route


def routes(desk: Desk) -> Iterable[Route]:
    async def status(exchange: Exchange) -> Any:
        snapshot = await desk.source.read_whole()
        etag = _etag(snapshot)
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if etag in exchange.headers.get(b"if-none-match", b"").decode("latin-1"):
            return Response(status_code=304, headers=headers)
        body = codec.encode_response(snapshot)
        return Response(body, headers=headers, media_type="application/json")

    yield get("/api/status", status)


def _etag(snapshot: Snapshot) -> str:
    """The same as long as nothing but times and ages has changed."""
    lasting = replace(
        snapshot,
        age=0.0,
        lag=Lag(),
        services=tuple(
            replace(each, last_poll=each.last_poll and 0.0) for each in snapshot.services
        ),
        workers=tuple(replace(each, age=0.0) for each in snapshot.workers),
    )
    return f'"{hashlib.sha256(codec.encode_response(lasting)).hexdigest()[:24]}"'
