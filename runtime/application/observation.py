"""Observation: the state of an application that is served, as management tells it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runtime import __version__
from runtime.application.application import Application
from runtime.application.counting import Counting
from runtime.application.operations.host import queues
from runtime.application.roles import Tell, consumer_of, tells
from runtime.engines.management.snapshot import (
    Lag,
    QueueStatus,
    ServiceStatus,
    Snapshot,
    Threads,
)
from runtime.entry_id import EntryId
from runtime.supervision.child import Child, State
from runtime.units import format_time

if TYPE_CHECKING:
    from runtime.engines.queue.queue import Queue

_READY = (State.RUNNING, State.EXITED)


class _Observed(Struct):
    """The roles of a component, which a reload may replace, and its consumer too."""

    component: object
    consumer: object
    tells: tuple[Tell, ...]
    seen: tuple[object, ...] = ()
    """All that its status was made of, which is seldom another one a moment later."""
    status: ServiceStatus | None = None


class Observation:
    """Makes snapshots of an application, on its loop: `observe(lag)`."""

    def __init__(self, application: Application, counting: Counting) -> None:
        self._application = application
        self._counting = counting
        self._components: Mapping[EntryId, Any] = {}
        self._found: list[Queue] = []
        self._known: dict[EntryId, _Observed] = {}
        self._name = application_name(application.linked.manifest.folder)
        self._redact = application.scope.redactor.redact
        self._started = format_time(application.scope.clock.time())

    def observe(self, lag: Lag) -> Snapshot:
        """The state at this moment. Iterates what only the loop's thread may."""
        application = self._application
        pool = application.pool
        return Snapshot(
            app=self._name,
            version=__version__,
            pid=os.getpid(),
            started=self._started,
            generation=application.generation,
            state=application.state,
            refused=tuple(map(self._redact, application.refused)),
            refusals=application.refusals,
            lag=lag,
            threads=Threads(len(pool.busy()), pool.size, pool.waiting),
            services=tuple(self._services()),
            queues=tuple(map(self._queue, self._queues())),
            endpoints=self._counting.endpoints(),
        )

    def _services(self) -> Iterator[ServiceStatus]:
        supervisor = self._application.supervisor
        if supervisor is not None and len(self._known) > len(supervisor.children):
            self._known.clear()  # some were removed
        for id, child in supervisor.children.items() if supervisor else ():
            yield self._service(id, child)

    def _service(self, id: EntryId, child: Child) -> ServiceStatus:
        component = child.spec.service
        consumer = consumer_of(component)
        known = self._known.get(id)
        if known is None or known.component is not component or known.consumer is not consumer:
            roles = tuple(tells(component, self._redact))
            known = self._known[id] = _Observed(component, consumer, roles)
        values = [tell() for _, tell in known.tells]
        seen = (
            self._application.generation,  # a later version may have other secrets
            child.state, child.since, child.attempt, child.restarts, child.error, child.where,
            values,
        )  # fmt: skip
        if known.status is None or known.seen != seen:
            told = {name: value for (name, _), value in zip(known.tells, values, strict=True)}
            known.seen, known.status = seen, self._status(id, child, told)
        return known.status

    def _status(self, id: EntryId, child: Child, told: Mapping[str, Any]) -> ServiceStatus:
        links = self._application.linked.links
        return ServiceStatus(
            id=str(id),
            kind=links[id].entry.kind if id in links else "",
            state=child.state.value,
            since=format_time(child.since),
            attempt=child.attempt,
            restarts=child.restarts,
            error=child.error and self._redact(child.error),
            where=self._redact(child.where) or None,
            ready=child.state in _READY,
            **told,
        )

    def _queue(self, queue: Queue) -> QueueStatus:
        came, left = self._counting.rates(queue.id)
        most = getattr(queue.driver_queue, "max_length", None)
        return QueueStatus(queue.id, in_rate=came, out_rate=left, max_length=most)

    def _queues(self) -> list[Queue]:
        components = self._application.scope.components
        if components is not self._components:
            self._components = components
            self._found = [*queues(self._application)]
        return self._found


def application_name(folder: Path) -> str:
    """The name of an application: that of its folder, or of the one around its `src`."""
    folder = folder.resolve()
    return (folder.parent if folder.name == "src" else folder).name
