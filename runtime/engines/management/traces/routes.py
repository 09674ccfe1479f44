"""Routes: traces and errors for the command line and the dashboard."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from runtime.engines.management.answers import sent
from runtime.engines.management.table import Desk, get
from runtime.engines.management.traces.record import TraceRecord
from runtime.engines.management.traces.traces import Traces
from runtime.engines.management.traces.waterfall import title, waterfall
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Route
from runtime.units import format_time, parse_duration

MOST = 100
"""Traces of a listing, if it asks for no other number."""
SLOW = 1.0
_NOTHING = "nothing is traced here"


class TraceSummary(Struct, frozen=True):
    """One line of the listing."""

    id: str
    title: str
    entry: str
    started: str
    """ISO 8601, in UTC."""
    duration: float
    failed: bool
    spans: int
    sampled: bool
    request_id: str | None = None
    message_id: str | None = None
    worker: int | None = None


def routes(desk: Desk) -> Iterable[Route]:
    async def errors(exchange: Exchange) -> Any:
        since = exchange.request.query_params.get("since", "")
        return sent({"errors": _traces(desk).errors.groups(_since(since))})

    async def traces(exchange: Exchange) -> Any:
        query = exchange.request.query_params
        found = select(
            _traces(desk).newest(),
            entry=query.get("entry", ""),
            slow=_flag(query.get("slow")),
            failed=_flag(query.get("failed")),
            limit=_limit(query.get("limit")),
        )
        return sent({"traces": found})

    async def trace(exchange: Exchange) -> Any:
        id = exchange.params["id"]
        found = _traces(desk).find(id)
        if not found:
            raise unknown(id)
        return sent(waterfall(found))

    yield get("/api/errors", errors)
    yield get("/api/traces", traces)
    yield get("/api/traces/{id}", trace)


def unknown(id: str) -> HTTPError:
    """The answer for an id of which no trace was kept."""
    kept = "of what was quick and went well, only a sample is kept"
    return HTTPError(404, f"no trace, request or message '{id}' is remembered here; {kept}")


def select(
    traces: Iterable[TraceRecord],
    *,
    entry: str = "",
    slow: bool = False,
    failed: bool = False,
    limit: int = MOST,
) -> list[TraceSummary]:
    """Summaries of those that fit, in the same order."""
    found: list[TraceSummary] = []
    for each in traces:
        if len(found) == limit:
            break
        root = each.root
        if (
            (entry and all(span.entry != entry for span in each.spans))
            or (slow and root.duration < SLOW * 1e9)
            or (failed and not root.failed)
        ):
            continue
        found.append(
            TraceSummary(
                each.id,
                title([each]),
                root.entry,
                format_time(root.began / 1e9),
                root.duration / 1e9,
                root.failed,
                len(each.spans),
                each.sampled,
                root.attributes.get("runtime.request.id"),
                root.attributes.get("messaging.message.id"),
                each.worker,
            )
        )
    return found


def _traces(desk: Desk) -> Traces:
    if desk.source.traces is None:
        raise HTTPError(404, _NOTHING)
    return desk.source.traces


def _flag(text: str | None) -> bool:
    return text is not None and text not in ("0", "false", "no")


def _limit(text: str | None) -> int:
    if text is None:
        return MOST
    if not text.isascii() or not text.isdigit():
        raise HTTPError(400, f"'limit' is '{text[:20]}', not a number")
    return int(text[:6])


def _since(text: str) -> str:
    """A time in ISO 8601, of one or of a duration before now. Raises HTTPError."""
    if not text or (text[:4].isdigit() and "-" in text):
        return text
    try:
        ago = timedelta(seconds=parse_duration(text))
        return format_time((datetime.now(UTC) - ago).timestamp())
    except (ValueError, OverflowError) as error:
        raise HTTPError(400, f"'since': {error}") from None
