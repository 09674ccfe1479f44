"""Health: is it alive, and should it be sent work. Both by the newest snapshot alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from starlette.responses import Response

from runtime import codec
from runtime.engines.management.snapshot import ServiceStatus, Snapshot
from runtime.engines.management.table import Desk, get
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route
from runtime.units import format_duration

DEAD = 30.0
"""Seconds without a pulse after which the program counts as dead, and is to be started again."""
STALE = 2.0
"""Seconds without a pulse after which no more work should be sent."""
SILENT = 30.0
"""Seconds without an answer of its queue after which a consumer counts as not consuming."""
_FINE = frozenset({"running", "exited"})


class Check(msgspec.Struct, frozen=True):
    """One condition of readiness."""

    name: str
    ok: bool
    why: str | None = None


class Readiness(msgspec.Struct, frozen=True):
    """The answer of `/readyz`."""

    ready: bool
    checks: list[Check]


def routes(desk: Desk) -> Iterable[Route]:
    async def live(exchange: Exchange) -> Any:
        snapshot = desk.source.read()
        if snapshot.age < DEAD:
            return Response("ok\n", media_type="text/plain")
        return Response(f"{_standstill(snapshot)}\n", 503, media_type="text/plain")

    async def ready(exchange: Exchange) -> Any:
        found = readiness(desk.source.read())
        body = codec.encode_response(found)
        return Response(body, 200 if found.ready else 503, media_type="application/json")

    yield get("/livez", live)
    yield get("/healthz", live)
    yield get("/readyz", ready)


def readiness(snapshot: Snapshot) -> Readiness:
    """The answer for a load balancer. A program that is stopping is not ready."""
    checks = [*_checks(snapshot)]
    return Readiness(all(check.ok for check in checks), checks)


def _checks(snapshot: Snapshot) -> Iterator[Check]:
    if snapshot.state != "running":
        yield Check("application", False, f"it is {snapshot.state}")
    if snapshot.age > STALE:
        yield Check("event loop", False, _standstill(snapshot))
    for service in snapshot.services:
        why = _fault(service)
        yield Check(service.id, why is None, why)


def _fault(service: ServiceStatus) -> str | None:
    if service.state not in _FINE:
        return f"{service.state}: {service.error}" if service.error else service.state
    if service.unreachable is not None:
        return service.unreachable
    if service.last_poll is not None and service.last_poll > SILENT:
        return f"no poll for {format_duration(service.last_poll)}"
    return None


def _standstill(snapshot: Snapshot) -> str:
    held = snapshot.blocked
    if held is None:
        return f"the event loop has not turned for {format_duration(snapshot.age)}"
    where = f" at {held.where}" if held.where else ""
    seconds = format_duration(max(held.seconds, snapshot.age))
    return f"{held.entry or 'something'} has kept the event loop for {seconds}{where}"
