"""Report: what a worker tells its parent four times a second, and how the parent adds it up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from runtime.engines.management.metrics.family import Row
from runtime.engines.management.snapshot import (
    Connections,
    EndpointStatus,
    Fires,
    Lag,
    Load,
    Occupancy,
    QueueStatus,
    ServiceStatus,
    Snapshot,
    Threads,
)

T = TypeVar("T")
N = TypeVar("N", int, float)

_GRAVITY = ("exited", "running", "stopped", "stopping", "waiting", "starting", "failed")


class Report(Struct, frozen=True):
    """One pulse of a worker."""

    snapshot: Snapshot
    metrics: Mapping[str, tuple[Row, ...]]


def merged(snapshots: Sequence[Snapshot]) -> Snapshot:
    """The application that so many workers are together; of states, the gravest."""
    first = snapshots[0]
    return replace(
        first,
        generation=min(each.generation for each in snapshots),
        age=max(each.age for each in snapshots),
        lag=Lag(
            max(each.lag.now for each in snapshots), max(each.lag.max_15m for each in snapshots)
        ),
        blocked=next((each.blocked for each in snapshots if each.blocked), None),
        services=_joined([each.services for each in snapshots], lambda each: each.id, _service),
        queues=_joined([each.queues for each in snapshots], lambda each: each.id, _queue),
        endpoints=_joined(
            [each.endpoints for each in snapshots], lambda each: each.id + each.route, _endpoint
        ),
        threads=Threads(
            sum(each.threads.busy for each in snapshots),
            sum(each.threads.of for each in snapshots),
            sum(each.threads.waiting for each in snapshots),
        ),
    )


def _joined(
    lists: Iterable[Iterable[T]], key: Callable[[T], str], join: Callable[[T, T], T]
) -> tuple[T, ...]:
    found: dict[str, T] = {}
    for each in (each for one in lists for each in one):
        name = key(each)
        found[name] = join(found[name], each) if name in found else each
    return tuple(found.values())


def _service(one: ServiceStatus, other: ServiceStatus) -> ServiceStatus:
    graver = max(one, other, key=lambda each: _GRAVITY.index(each.state))
    workers, load = one.workers, one.load
    connections, fires = one.connections, one.fires
    if workers is not None and other.workers is not None:
        workers = Occupancy(workers.busy + other.workers.busy, workers.of + other.workers.of)
    if load is not None and other.load is not None:
        load = Load(
            load.connections + other.load.connections,
            load.requests + other.load.requests,
            load.streams + other.load.streams,
        )
    if connections is not None and other.connections is not None:
        connections = _sum(connections, other.connections)
    if fires is not None and other.fires is not None:
        fires = _fires(fires, other.fires)
    return replace(
        graver,
        attempt=max(one.attempt, other.attempt),
        restarts=one.restarts + other.restarts,
        error=graver.error or one.error or other.error,
        where=one.where or other.where,
        ready=one.ready and other.ready,
        unreachable=one.unreachable or other.unreachable,
        rejecting=one.rejecting or other.rejecting,
        last_poll=_greater(one.last_poll, other.last_poll),
        workers=workers or other.workers,
        load=load or other.load,
        journal=_greater(one.journal, other.journal),
        connections=connections or other.connections,
        leased=one.leased if other.leased is None else one.leased is not False and other.leased,
        fires=fires or other.fires,
    )


def _sum(one: Connections, other: Connections) -> Connections:
    return Connections(one.busy + other.busy, one.idle + other.idle, one.waiting + other.waiting)


def _fires(one: Fires, other: Fires) -> Fires:
    last = max(filter(None, (one.last, other.last)), default=None)
    return Fires(last, min(filter(None, (one.next, other.next)), default=None))


def _queue(one: QueueStatus, other: QueueStatus) -> QueueStatus:
    return replace(
        one,
        paused=one.paused or other.paused,
        in_rate=round(one.in_rate + other.in_rate, 2),
        out_rate=round(one.out_rate + other.out_rate, 2),
    )


def _endpoint(one: EndpointStatus, other: EndpointStatus) -> EndpointStatus:
    return replace(
        one,
        rate=round(one.rate + other.rate, 2),
        p50=_greater(one.p50, other.p50),
        p95=_greater(one.p95, other.p95),
        failed_15m=one.failed_15m + other.failed_15m,
    )


def _greater(one: N | None, other: N | None) -> N | None:
    return max((each for each in (one, other) if each is not None), default=None)
