"""Migrations: the migrations of an application and their databases, without anything else of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from runtime.application.assembly import Assembly, assemble
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handlers
from runtime.handlers.threads import ThreadPool
from runtime.linking.graph import Graph
from runtime.linking.linker import LinkedManifest
from runtime.log.log import Log
from runtime.service import Stage, StartError
from runtime.supervision.supervisor import Supervisor

KIND = "db.migrations"


def migrations_of(linked: LinkedManifest) -> list[EntryId]:
    """The entries with migrations, in the order of the manifest."""
    return [id for id, link in linked.links.items() if link.kind.name == KIND]


@asynccontextmanager
async def open_migrations(linked: LinkedManifest, log: Log) -> AsyncIterator[dict[EntryId, Any]]:
    """Start the databases that have migrations, and give the components of the latter by id.

    Nothing else is built, and no handler imported. Raises StartError.
    """
    ids = migrations_of(linked)
    scope = ApplicationContext()
    scope.log = log
    log.hide(linked.manifest.secrets)
    scope.redactor.hide(linked.manifest.secrets)
    assembly = _assemble(_part(linked, ids), scope)
    resources = [id for id, s in assembly.services.items() if s.stage is not Stage.MIGRATION]
    supervisor = Supervisor(assembly.services, assembly.linked.graph, resources)
    try:
        if not await supervisor.start():
            raise StartError(supervisor.start_failed or "it was stopped")
        yield {id: assembly.components[id] for id in ids}
    finally:
        await supervisor.stop()


def _assemble(part: LinkedManifest, scope: ApplicationContext) -> Assembly:
    assembly = assemble(part, scope, Handlers(part.manifest.folder, ThreadPool(1)))
    scope.replace(
        {id: link.entry.fields for id, link in part.links.items()}, {**assembly.components}
    )
    return assembly


def _part(linked: LinkedManifest, ids: list[EntryId]) -> LinkedManifest:
    """The manifest with these entries, and what they need, alone."""
    needed = linked.graph.reach(ids)
    links = {id: link for id, link in linked.links.items() if id in needed}
    return replace(linked, links=links, graph=Graph({id: linked.graph.needs[id] for id in links}))
