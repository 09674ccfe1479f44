"""Part: some entries of an application with what they need, without anything else of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from runtime.application.draft import draft
from runtime.clock import REAL
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handlers
from runtime.handlers.threads import ThreadPool
from runtime.linking.graph import Graph
from runtime.linking.linker import LinkedManifest
from runtime.log.log import Log
from runtime.service import Stage, StartError
from runtime.supervision.spec import ServiceSpec
from runtime.supervision.supervisor import Supervisor

THREADS = 40
"""The number of threads for what blocks."""


class _PartContext(ApplicationContext):
    """Knows the fields of all entries, and the components of some."""

    def component(self, text: str, within: str) -> Any:
        id = self.id(text, within)
        if id not in self.components:
            raise LookupError(
                f"'{id}' is not started for this command, whose code does not name it; write "
                f"Annotated[…, '{id}'] at a parameter of its function"
            )
        return self.components[id]


class Part:
    """The components of a part of an application. Services among them run while it is open."""

    def __init__(self, linked: LinkedManifest, ids: Iterable[EntryId], log: Log) -> None:
        self.linked = linked
        """The whole application."""
        self._linked = _part(linked, ids)
        self.scope = _PartContext(REAL)
        self.scope.log = log
        self.components: Mapping[EntryId, Any] = {}
        self._pool = ThreadPool(THREADS)
        self._supervisor: Supervisor | None = None
        self._services: Mapping[EntryId, ServiceSpec] = {}
        log.hide(linked.manifest.secrets)
        self.scope.redactor.hide(linked.manifest.secrets)

    @property
    def budget(self) -> float:
        """Seconds that closing it takes at most."""
        return self._supervisor.budget if self._supervisor is not None else 0.0

    @property
    def is_stuck(self) -> bool:
        """True while a thread is busy that nothing can end."""
        return self._pool.unfinished > 0

    def build(self) -> None:
        """Build the components. Raises StartError if a handler cannot be imported."""
        handlers = Handlers(self.linked.manifest.folder, self._pool)
        made = draft(self._linked, self.scope, handlers)
        made.commit()
        assembly = made.assembly
        links = self.linked.links
        self.scope.replace(
            {id: link.entry.fields for id, link in links.items()}, {**assembly.components}
        )
        self.components = assembly.components
        self._services = assembly.services

    @asynccontextmanager
    async def open(self, stages: Collection[Stage]) -> AsyncIterator[None]:
        """Start the services of these stages, and stop them in the end. Raises StartError."""
        self.scope.loop = asyncio.get_running_loop()
        wanted = [id for id, spec in self._services.items() if spec.stage in stages]
        others = self._services.keys() - wanted
        supervisor = Supervisor(self._services, self._linked.graph, wanted, others)
        self._supervisor = supervisor
        try:
            if not await supervisor.start():
                raise StartError(supervisor.start_failed or "it was stopped")
            yield
        finally:
            await supervisor.stop()


def _part(linked: LinkedManifest, ids: Iterable[EntryId]) -> LinkedManifest:
    """The manifest with these entries, and what they need, alone."""
    needed = linked.graph.reach(ids)
    links = {id: link for id, link in linked.links.items() if id in needed}
    return replace(linked, links=links, graph=Graph({id: linked.graph.needs[id] for id in links}))
