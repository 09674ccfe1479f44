"""Entries: the entries of the manifests and their references, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import to_builtins

from runtime.engines.management.catalog import EntryRecord
from runtime.engines.management.table import Desk, get
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Route


def routes(desk: Desk) -> Iterable[Route]:
    async def entries(exchange: Exchange) -> Any:
        found = desk.source.outlook.catalog().entries.values()
        return {"entries": [_short(each) for each in found]}

    async def entry(exchange: Exchange) -> Any:
        id, catalog = exchange.params["id"], desk.source.outlook.catalog()
        found = catalog.entries.get(id)
        if found is None:
            raise HTTPError(404, f"there is no entry '{id}'")
        return {
            **to_builtins(found),
            "needs": to_builtins(catalog.needs(id)),
            "needed_by": to_builtins(catalog.needed_by(id)),
        }

    yield get("/api/entries", entries)
    yield get("/api/entries/{id}", entry)


def _short(entry: EntryRecord) -> Any:
    return {"id": entry.id, "kind": entry.kind, "where": entry.where, "runs": entry.runs}
