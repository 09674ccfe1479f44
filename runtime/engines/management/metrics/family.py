"""Family: the metrics that there are. Labels come from the manifest or from a short list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

DURATIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds."""
LONG = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0)
"""The same for what may wait for hours."""
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
"""Upper bounds of what is done together."""


class Family(Struct, frozen=True):
    """One metric, with a series for each combination of its labels' values."""

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


class Row(Struct, frozen=True, array_like=True):
    """One series at one moment."""

    labels: tuple[str, ...]
    value: float = 0.0
    """Of a histogram, the sum of what was observed."""
    counts: tuple[int, ...] = ()
    """Of a histogram, the observations of each bucket alone; the last is without a bound."""


Metrics = Mapping[str, tuple[Row, ...]]
"""All series by the name of their family."""

FAMILIES: Mapping[str, Family] = {
    "runtime_http_requests_total": Family(
        "counter", "Requests answered.", ("server", "route", "method", "status")
    ),
    "runtime_http_request_duration_seconds": Family(
        "histogram",
        "Time from the head of a request to the end of its response, or to the head of a stream.",
        ("server", "route", "method"),
        DURATIONS,
    ),
    "runtime_http_requests_in_flight": Family("gauge", "Requests in progress.", ("server",)),
    "runtime_http_streams": Family(
        "gauge", "Event streams and WebSockets that are open.", ("server",)
    ),
    "runtime_http_connections": Family("gauge", "Clients connected.", ("server",)),
    "runtime_queue_messages": Family("gauge", "Messages of a queue by state.", ("queue", "state")),
    "runtime_queue_oldest_ready_seconds": Family(
        "gauge", "Age of the oldest ready message.", ("queue",)
    ),
    "runtime_queue_paused": Family(
        "gauge", "1 while nothing of a queue is delivered, until it is resumed.", ("queue",)
    ),
    "runtime_queue_published_total": Family(
        "counter", "Messages published by this program.", ("queue",)
    ),
    "runtime_queue_refused_total": Family(
        "counter", "Messages that a queue did not accept.", ("queue", "reason")
    ),
    "runtime_messages_total": Family(
        "counter", "Attempts by their outcome.", ("consumer", "queue", "outcome")
    ),
    "runtime_handler_duration_seconds": Family(
        "histogram",
        "Time of a handler that no client waits for, with its transaction.",
        ("entry", "caller"),
        DURATIONS,
    ),
    "runtime_message_wait_seconds": Family(
        "histogram", "Time from publish to the first attempt, a delay included.", ("queue",), LONG
    ),
    "runtime_consumer_last_poll_seconds": Family(
        "gauge",
        "Time for which the queue of a consumer has not answered, 0 if it has.",
        ("consumer",),
    ),
    "runtime_consumer_busy": Family("gauge", "Calls in progress.", ("consumer",)),
    "runtime_threads_busy": Family("gauge", "Threads for 'def' handlers at work."),
    "runtime_threads_waiting": Family("gauge", "Calls that wait for a thread."),
    "runtime_loop_lag_seconds": Family(
        "histogram", "Delay of the event loop, four times a second.", (), DURATIONS
    ),
    "runtime_loop_blocked_total": Family(
        "counter", "Times that a handler kept the event loop for a second.", ("entry",)
    ),
    "runtime_service_up": Family("gauge", "1 for a service that is ready.", ("service",)),
    "runtime_service_restarts_total": Family("counter", "Restarts after a failure.", ("service",)),
    "runtime_store_unreachable": Family(
        "gauge",
        "1 while a PostgreSQL server, or the database of a driver, cannot be reached.",
        ("service",),
    ),
    "runtime_store_rejecting": Family(
        "gauge", "1 if a SQLite database has rejected a write in the last minute.", ("service",)
    ),
    "runtime_sqlite_write_wait_seconds": Family(
        "histogram",
        "Time that a change waited for its transaction; of a group, the one that waited longest.",
        ("database",),
        DURATIONS,
    ),
    "runtime_sqlite_commit_rows": Family(
        "histogram",
        "Changes in one commit: statements, and steps of messages.",
        ("database",),
        SIZES,
    ),
    "runtime_sqlite_journal_bytes": Family("gauge", "Size of the write-ahead log.", ("database",)),
    "runtime_postgres_connections": Family(
        "gauge", "Connections of a pool, busy or idle.", ("database", "state")
    ),
    "runtime_postgres_waiting": Family("gauge", "Calls that wait for a connection.", ("database",)),
    "runtime_postgres_pool_wait_seconds": Family(
        "histogram",
        "Time that a call waited for a connection, if all were in use.",
        ("database",),
        DURATIONS,
    ),
    "runtime_lease_held": Family(
        "gauge", "1 while a driver has a lease on its database.", ("driver",)
    ),
    "runtime_lease_renewals_total": Family("counter", "Renewals of a driver's lease.", ("driver",)),
    "runtime_leases_lost_total": Family(
        "counter", "Leases that expired, so that their messages went to others.", ("driver",)
    ),
    "runtime_cron_fired_total": Family(
        "counter", "Planned times that this program fired.", ("entry",)
    ),
    "runtime_cron_missed_total": Family(
        "counter", "Planned times that were not fired.", ("entry", "reason")
    ),
    "runtime_cron_late_seconds": Family(
        "histogram", "Time from a planned time until it was fired.", ("entry",), LONG
    ),
    "runtime_cron_last_fired_timestamp_seconds": Family(
        "gauge", "The latest planned time that was fired, in seconds since 1970.", ("entry",)
    ),
    "runtime_cron_next_timestamp_seconds": Family(
        "gauge", "The next planned time, in seconds since 1970.", ("entry",)
    ),
    "runtime_spans_exported_total": Family(
        "counter", "Spans sent to a collector, and those that were dropped.", ("result",)
    ),
    "runtime_reloads_total": Family(
        "counter", "Reloads that changed something, and those that were refused.", ("result",)
    ),
    "runtime_info": Family("gauge", "Always 1.", ("version", "python", "generation")),
    "process_cpu_seconds_total": Family("counter", "Processor time.", ("worker",)),
    "process_resident_memory_bytes": Family("gauge", "Resident memory.", ("worker",)),
    "process_virtual_memory_bytes": Family("gauge", "Virtual memory.", ("worker",)),
    "process_start_time_seconds": Family("gauge", "Start, in seconds since 1970.", ("worker",)),
    "process_open_fds": Family("gauge", "Open files and sockets.", ("worker",)),
    "process_max_fds": Family("gauge", "Limit of open files and sockets.", ("worker",)),
}
