"""Logs: the last lines of the log as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from starlette.datastructures import QueryParams

from runtime.engines.management.answers import numbered, sent
from runtime.engines.management.log_lines import LEVELS, MOST, LogLine
from runtime.engines.management.source import Source
from runtime.engines.management.table import Desk, get
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Route

_LIMIT = 200
"""Lines of an answer, if it asks for no other number."""


class Wanted(Struct, frozen=True):
    """Some of the lines."""

    entries: tuple[str, ...] = ()
    """All, if none is named."""
    level: str = "debug"
    """The least grave one."""
    limit: int = _LIMIT
    after: int = 0
    """The number of a line; those behind it are wanted."""

    def of(self, source: Source) -> Sequence[LogLine]:
        """The newest that fit, the newest first."""
        if source.traces is None:
            return ()
        return source.traces.lines.newest(self.entries, self.level, self.limit, self.after)


def routes(desk: Desk) -> Iterable[Route]:
    async def logs(exchange: Exchange) -> Any:
        return sent({"lines": wanted(exchange.request.query_params).of(desk.source)})

    yield get("/api/logs", logs)


def wanted(query: QueryParams) -> Wanted:
    """The lines that a query asks for. Raises HTTPError."""
    level = query.get("level") or "debug"
    if level not in LEVELS:
        raise HTTPError(400, f"'level' is '{level[:20]}', not one of {', '.join(LEVELS)}")
    after = query.get("after", "0")
    return Wanted(
        tuple(query.getlist("entry")),
        level,
        numbered("limit", query.get("limit"), _LIMIT, MOST),
        0 if after == "0" else numbered("after", after, 0, 10**9),
    )
