"""Routes: `/metrics`, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from runtime.engines.management.metrics.gauges import gauges
from runtime.engines.management.metrics.text import OPENMETRICS, PLAIN, render
from runtime.engines.management.table import Desk, get
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route


def routes(desk: Desk) -> Iterable[Route]:
    async def show(exchange: Exchange) -> Any:
        snapshot = await desk.source.read_whole()
        metrics = {**desk.source.metrics(), **gauges(snapshot)}
        accepted = exchange.headers.get(b"accept", b"").decode("latin-1")
        openmetrics = "application/openmetrics-text" in accepted
        text = render(metrics, openmetrics=openmetrics)
        return Response(text, headers={"Content-Type": OPENMETRICS if openmetrics else PLAIN})

    yield get("/metrics", show)
