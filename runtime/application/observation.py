"""Observation: the state of an application that is served, as management tells it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from runtime import __version__
from runtime.application.application import Application
from runtime.application.counting import Counting
from runtime.application.operations.host import queues
from runtime.engines.management.snapshot import (
    Lag,
    Load,
    Occupancy,
    QueueStatus,
    ServiceStatus,
    Snapshot,
    Threads,
)
from runtime.entry_id import EntryId
from runtime.supervision.child import Child, State

if TYPE_CHECKING:
    from runtime.engines.queue.queue import Queue

_READY = (State.RUNNING, State.EXITED)


@runtime_checkable
class Reaching(Protocol):
    """A component that keeps something elsewhere."""

    @property
    def unreachable(self) -> str | None:
        """Why it cannot be reached at this moment."""
        ...


@runtime_checkable
class Rejecting(Protocol):
    """A database."""

    @property
    def rejecting(self) -> str | None:
        """Why it has rejected a write in the last minute."""
        ...


@runtime_checkable
class Consuming(Protocol):
    """A consumer. Not by its class: a program without one does not import it."""

    @property
    def busy(self) -> int: ...

    @property
    def concurrency(self) -> int: ...

    @property
    def last_poll(self) -> float | None: ...


@runtime_checkable
class Serving(Protocol):
    """A server."""

    @property
    def load(self) -> tuple[int, int]:
        """Its connections, and the requests in progress."""
        ...


class _Roles(NamedTuple):
    """The Protocols that a component follows. To ask each time took half of a snapshot's time."""

    component: object
    consumer: object
    reaching: Reaching | None
    rejecting: Rejecting | None
    consuming: Consuming | None
    serving: Serving | None


class Observation:
    """Makes snapshots of an application, on its loop: `observe(lag)`."""

    def __init__(self, application: Application, counting: Counting) -> None:
        self._application = application
        self._counting = counting
        self._components: Mapping[EntryId, Any] = {}
        self._found: list[Queue] = []
        self._roles: dict[EntryId, _Roles] = {}
        self._name = application_name(application.linked.manifest.folder)
        self._redact = application.scope.redactor.redact
        self._started = timestamp(application.scope.clock.time())

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
            lag=lag,
            threads=Threads(len(pool.busy()), pool.size, pool.waiting),
            services=tuple(self._services()),
            queues=tuple(map(self._queue, self._queues())),
            endpoints=self._counting.endpoints(),
        )

    def _services(self) -> Iterator[ServiceStatus]:
        supervisor = self._application.supervisor
        links = self._application.linked.links
        if supervisor is not None and len(self._roles) > len(supervisor.children):
            self._roles.clear()  # some were removed
        for id, child in supervisor.children.items() if supervisor else ():
            yield self._service(id, child, links[id].entry.kind if id in links else "")

    def _service(self, id: EntryId, child: Child, kind: str) -> ServiceStatus:
        component = child.spec.service
        consumer = getattr(component, "consumer", component)  # a subscriber has one
        roles = self._roles.get(id)
        if roles is None or roles.component is not component or roles.consumer is not consumer:
            roles = self._roles[id] = _Roles(
                component,
                consumer,
                component if isinstance(component, Reaching) else None,
                component if isinstance(component, Rejecting) else None,
                consumer if isinstance(consumer, Consuming) else None,
                component if isinstance(component, Serving) else None,
            )
        consuming = roles.consuming
        ready = child.state in _READY
        return ServiceStatus(
            id=str(id),
            kind=kind,
            state=child.state.value,
            since=timestamp(child.since),
            attempt=child.attempt,
            restarts=child.restarts,
            error=child.error and self._redact(child.error),
            where=self._redact(child.where) or None,
            ready=ready,
            unreachable=self._unreachable(roles.reaching),
            rejecting=self._rejecting(roles.rejecting),
            load=None if roles.serving is None else Load(*roles.serving.load),
            last_poll=None if consuming is None else _rounded(consuming.last_poll),
            workers=None if consuming is None else Occupancy(consuming.busy, consuming.concurrency),
        )

    def _unreachable(self, component: Reaching | None) -> str | None:
        why = None if component is None else component.unreachable
        return why and self._redact(why)

    def _rejecting(self, component: Rejecting | None) -> str | None:
        why = None if component is None else component.rejecting
        return why and self._redact(why)

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


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def application_name(folder: Path) -> str:
    """The name of an application: that of its folder, or of the one around its `src`."""
    folder = folder.resolve()
    return (folder.parent if folder.name == "src" else folder).name


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as `2026-11-21T01:10:02.114Z`."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
