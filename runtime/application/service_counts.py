"""ServiceCounts: what stores and schedules have noted of their work, into counters and histograms.

By attributes and not by classes: a program without a database does not import one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from runtime.engines.management.metrics.registry import Registry

if TYPE_CHECKING:
    from runtime.engines.queue.sql.lease_tally import LeaseTally
    from runtime.engines.schedule.tally import ScheduleTally
    from runtime.engines.sql.sqlite.commits import Commits


def takes_of_services(id: str, component: Any, registry: Registry) -> Iterator[Callable[[], None]]:
    """Functions that take what a component has noted since they were called last."""
    if (commits := getattr(component, "commits", None)) is not None:
        yield partial(_take_commits, id, commits, registry)
    if (waits := getattr(component, "pool_waits", None)) is not None:
        yield partial(_take_waits, id, waits, registry)
    if (lease := getattr(component, "lease_tally", None)) is not None:
        registry.add("runtime_lease_renewals_total", (id,), 0)
        registry.add("runtime_leases_lost_total", (id,), 0)
        yield partial(_take_lease, id, lease, registry)
    if (tally := getattr(component, "schedule_tally", None)) is not None:
        registry.add("runtime_cron_fired_total", (id,), 0)
        yield partial(_take_schedule, id, tally, registry)


def _take_commits(id: str, commits: Commits, registry: Registry) -> None:
    sizes, waits = commits.take()
    if sizes:
        registry.histogram("runtime_sqlite_commit_rows", (id,)).observe(sizes)
        registry.histogram("runtime_sqlite_write_wait_seconds", (id,)).observe(waits)


def _take_waits(id: str, waits: list[float], registry: Registry) -> None:
    if waits:
        registry.histogram("runtime_postgres_pool_wait_seconds", (id,)).observe(waits)
        waits.clear()


def _take_lease(id: str, lease: LeaseTally, registry: Registry) -> None:
    renewals, lost = lease.take()
    if renewals:
        registry.add("runtime_lease_renewals_total", (id,), renewals)
    if lost:
        registry.add("runtime_leases_lost_total", (id,), lost)


def _take_schedule(id: str, tally: ScheduleTally, registry: Registry) -> None:
    late, missed, calls = tally.take()
    if late:
        registry.add("runtime_cron_fired_total", (id,), len(late))
        registry.histogram("runtime_cron_late_seconds", (id,)).observe(late)
    for reason, number in missed.items():
        registry.add("runtime_cron_missed_total", (id, reason), number)
    if calls:
        duration = registry.histogram("runtime_handler_duration_seconds", (id, "cron"))
        duration.observe(calls)
