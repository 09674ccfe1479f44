"""Reload: what it would do, and its doing, over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runtime.engines.management.table import Desk, get_private, post
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Route


def routes(desk: Desk) -> Iterable[Route]:
    async def plan(exchange: Exchange) -> Any:
        return _told(await desk.source.ask("plan"))

    async def reload(exchange: Exchange) -> Any:
        force = exchange.request.query_params.get("force", "") == "true"
        return _told(await desk.source.ask("reload", force=force))

    # It imports what has changed, so it is for those who may act.
    yield get_private(desk, "/api/plan", plan)
    yield post(desk, "/api/reload", reload)


def _told(outcome: Any) -> Any:
    """The changes. Raises HTTPError with the findings."""
    if findings := outcome["findings"]:
        raise HTTPError(409, refusal(findings), findings=findings)
    del outcome["findings"]
    return outcome


def refusal(findings: Any) -> str:
    """The first finding, and how many there are."""
    first = findings[0]
    where = f"{first['file']}:{first['line']}: " if first["line"] else ""
    more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"the reload was refused: {where}{first['message']}{more}; the old version goes on"
