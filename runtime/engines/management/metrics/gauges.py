"""Gauges: what a snapshot says, as metrics. So both say the same."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import datetime

from runtime.engines.management.metrics.family import Metrics, Row
from runtime.engines.management.metrics.process import process_rows
from runtime.engines.management.snapshot import Fires, QueueStatus, ServiceStatus, Snapshot


def gauges(snapshot: Snapshot) -> Metrics:
    """The gauges of an application, and of its processes."""
    found: dict[str, list[Row]] = {}
    for name, row in _rows(snapshot):
        found.setdefault(name, []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


def _rows(snapshot: Snapshot) -> Iterator[tuple[str, Row]]:
    for service in snapshot.services:
        yield from _service(service)
    for queue in snapshot.queues:
        yield from _queue(queue)
    threads = snapshot.threads
    yield "runtime_threads_busy", Row((), threads.busy)
    yield "runtime_threads_waiting", Row((), threads.waiting)
    labels = (snapshot.version, platform.python_version(), str(snapshot.generation))
    yield "runtime_info", Row(labels, 1)
    yield "runtime_reloads_total", Row(("done",), snapshot.generation - 1)
    yield "runtime_reloads_total", Row(("refused",), snapshot.refusals)
    yield from process_rows("", snapshot.pid)
    for worker in snapshot.workers:
        yield from process_rows(str(worker.number), worker.pid)


def _service(service: ServiceStatus) -> Iterator[tuple[str, Row]]:
    labels = (service.id,)
    yield "runtime_service_up", Row(labels, int(service.ready))
    yield "runtime_service_restarts_total", Row(labels, service.restarts)
    if service.load is not None:
        yield "runtime_http_connections", Row(labels, service.load.connections)
        yield "runtime_http_requests_in_flight", Row(labels, service.load.requests)
        yield "runtime_http_streams", Row(labels, service.load.streams)
    if service.workers is not None:
        yield "runtime_consumer_busy", Row(labels, service.workers.busy)
    if service.last_poll is not None:
        yield "runtime_consumer_last_poll_seconds", Row(labels, service.last_poll)

    if service.fires is not None:
        yield from _fires(service.id, service.fires)
    yield from _store(service)


def _fires(entry: str, fires: Fires) -> Iterator[tuple[str, Row]]:
    for which, at in (("last_fired", fires.last), ("next", fires.next)):
        if at is not None:
            seconds = datetime.fromisoformat(at).timestamp()
            yield f"runtime_cron_{which}_timestamp_seconds", Row((entry,), seconds)


def _store(service: ServiceStatus) -> Iterator[tuple[str, Row]]:
    labels = (service.id,)
    if service.leased is not None:
        yield "runtime_lease_held", Row(labels, int(service.leased))
    if service.leased is not None or service.connections is not None:
        yield "runtime_store_unreachable", Row(labels, int(service.unreachable is not None))
    if service.journal is not None:
        yield "runtime_store_rejecting", Row(labels, int(service.rejecting is not None))
        yield "runtime_sqlite_journal_bytes", Row(labels, service.journal)
    if service.connections is not None:
        yield "runtime_postgres_connections", Row((service.id, "busy"), service.connections.busy)
        yield "runtime_postgres_connections", Row((service.id, "idle"), service.connections.idle)
        yield "runtime_postgres_waiting", Row(labels, service.connections.waiting)


def _queue(queue: QueueStatus) -> Iterator[tuple[str, Row]]:
    for state in ("ready", "delayed", "running", "dead"):
        number = getattr(queue, state)
        if number is not None:
            yield "runtime_queue_messages", Row((queue.id, state), number)
    if queue.oldest is not None or queue.ready == 0:
        yield "runtime_queue_oldest_ready_seconds", Row((queue.id,), queue.oldest or 0.0)
    yield "runtime_queue_paused", Row((queue.id,), int(queue.paused))
