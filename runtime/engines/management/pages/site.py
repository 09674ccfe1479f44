"""Site: answers the requests for pages, each made from the sight of its moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import to_builtins
from msgspec.structs import replace

from runtime.engines.management.letters import Excerpt, Group, Letter, excerpt, found_groups
from runtime.engines.management.logs import wanted
from runtime.engines.management.pages import (
    dead_letters,
    entries,
    errors,
    log,
    overview,
    schedules,
    services,
    traces,
)
from runtime.engines.management.pages.flow import Flow, rates_of
from runtime.engines.management.pages.markup import path
from runtime.engines.management.pages.reception import Reception, queried
from runtime.engines.management.pages.schedules import ScheduleStatus
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.source import Source
from runtime.engines.management.traces.record import TraceRecord
from runtime.engines.management.traces.routes import select, unknown
from runtime.engines.management.traces.waterfall import waterfall
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError

_SLOWEST = 3
"""Traces on the overview."""


class Site:
    """The pages that show, but those of queues."""

    def __init__(self, source: Source, reception: Reception) -> None:
        self._source = source
        self._reception = reception
        self.flow = Flow()

    async def overview(self, exchange: Exchange, sight: Sight) -> str:
        slowest = sorted(select(self._newest()), key=lambda each: -each.duration)[:_SLOWEST]
        sight = replace(await self._reception.with_lanes(sight), slowest=tuple(slowest))
        return overview.render(sight, self.flow, queried(exchange, "namespace") or None)

    async def errors(self, exchange: Exchange, sight: Sight) -> str:
        found = self._source.traces
        groups = found.errors.groups() if found is not None else ()
        return errors.render(sight, groups, queried(exchange, "find"))

    async def traces(self, exchange: Exchange, sight: Sight) -> str:
        only = queried(exchange, "only")
        found = select(self._newest(), failed=only == "failed", slow=only == "slow")
        return traces.render_all(sight, found, only, queried(exchange, "find"))

    async def trace(self, exchange: Exchange, sight: Sight) -> str:
        id, source = exchange.params["id"], self._source
        found = source.traces.find(id) if source.traces is not None else ()
        if not found:
            raise unknown(id)
        return traces.render_one(sight, waterfall(found))

    async def services(self, exchange: Exchange, sight: Sight) -> str:
        return services.render_all(sight, queried(exchange, "find"))

    async def service(self, exchange: Exchange, sight: Sight) -> str:
        id = exchange.params["id"]
        found = next((each for each in sight.snapshot.services if each.id == id), None)
        if found is None:
            raise HTTPError(404, f"there is no service '{id}'")
        asked = wanted(exchange.request.query_params)
        asked = replace(asked, entries=log.related(sight.catalog, id), limit=log.SHOWN_BESIDE)
        lines = asked.of(self._source)
        told = log.beside(sight, lines, asked, path("services", id))
        return services.render_one(sight, found, told, log.stream(asked, lines))

    async def log(self, exchange: Exchange, sight: Sight) -> str:
        asked = replace(wanted(exchange.request.query_params), limit=log.SHOWN)
        return log.render(sight, asked.of(self._source), asked, queried(exchange, "find"))

    async def entries(self, exchange: Exchange, sight: Sight) -> str:
        return entries.render_all(sight, queried(exchange, "find"))

    async def entry(self, exchange: Exchange, sight: Sight) -> str:
        id = exchange.params["id"]
        found = sight.catalog.entries.get(id)
        if found is None:
            raise HTTPError(404, f"there is no entry '{id}'")
        return entries.render_one(sight, found)

    async def dead(self, exchange: Exchange, sight: Sight) -> str:
        found = await found_groups(self._source, queried(exchange, "queue"))
        chosen, letter = _chosen(found, queried(exchange, "cause"), queried(exchange, "id"))
        source = Excerpt()
        if letter is not None and letter.own is not None:
            source = excerpt(letter.own, letter.died, self._source.outlook.folder)
        traces = self._source.traces
        is_traced = letter is not None and traces is not None and bool(traces.find(letter.id))
        return dead_letters.render(sight, found, chosen, letter, source, is_traced=is_traced)

    async def schedules(self, exchange: Exchange, sight: Sight) -> str:
        found = await self._source.ask("schedules")
        return schedules.render(sight, msgspec.convert(found, list[ScheduleStatus]))

    async def graph(self, exchange: Exchange) -> Any:
        """The graph as JSON: nodes, and edges with their rates where those are known."""
        sight = await self._reception.sight(exchange.scope)
        whole = self.flow.graph(sight)
        rates = rates_of(whole, sight)
        edges = [
            {**to_builtins(each), "rate": rates.get((each.source, each.target))}
            for each in whole.edges
        ]
        return {"nodes": to_builtins([*whole.nodes.values()]), "edges": edges}

    async def letters(self, exchange: Exchange) -> Any:
        """Dead letters by cause as JSON, without their bodies."""
        found = await found_groups(self._source, queried(exchange, "queue"))
        return {
            "causes": [{"cause": each.cause, **to_builtins(each)} for each in found],
            "requeues": to_builtins(self._source.outlook.requeues.all()),
        }

    def _newest(self) -> Sequence[TraceRecord]:
        """The traces that are remembered."""
        found = self._source.traces
        return () if found is None else found.newest()


def _chosen(found: Sequence[Group], cause: str, id: str) -> tuple[Group | None, Letter | None]:
    """The group and the letter that are asked for, or the newest ones."""
    for each in found:
        for letter in each.letters:
            if letter.id == id:
                return each, letter
    group = next((each for each in found if each.key == cause), found[0] if found else None)
    return group, group.letters[0] if group else None
