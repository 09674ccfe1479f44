"""Gauges: what a snapshot says, as metrics. So both say the same."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from runtime.engines.management.metrics.family import Metrics, Row
from runtime.engines.management.metrics.process import process_rows
from runtime.engines.management.snapshot import QueueStatus, ServiceStatus, Snapshot


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
    yield "runtime_reloads_total", Row((), snapshot.generation - 1)
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
    if service.workers is not None:
        yield "runtime_consumer_busy", Row(labels, service.workers.busy)
    if service.last_poll is not None:
        yield "runtime_consumer_last_poll_seconds", Row(labels, service.last_poll)


def _queue(queue: QueueStatus) -> Iterator[tuple[str, Row]]:
    for state in ("ready", "delayed", "running", "dead"):
        number = getattr(queue, state)
        if number is not None:
            yield "runtime_queue_messages", Row((queue.id, state), number)
    if queue.oldest is not None or queue.ready == 0:
        yield "runtime_queue_oldest_ready_seconds", Row((queue.id,), queue.oldest or 0.0)
