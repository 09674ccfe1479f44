"""Roles: the fields of its status that the component of a service can tell.

By its attributes and not by its class: a program without a database does not import one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from runtime.engines.management.snapshot import Connections, Fires, Load, Occupancy
from runtime.units import format_time

Tell = tuple[str, Callable[[], Any]]
"""The name of a field of ServiceStatus, and what returns its value at this moment."""


def consumer_of(component: Any) -> Any:
    """The component itself, or the consumer that a subscriber has."""
    return getattr(component, "consumer", component)


def tells(component: Any, redact: Callable[[str], str]) -> Iterator[Tell]:
    """The roles of a component: to be found once, since that takes longer than to ask it."""
    if hasattr(component, "unreachable"):
        yield "unreachable", lambda: (why := component.unreachable) and redact(why)
    if hasattr(component, "rejecting"):
        yield "rejecting", lambda: (why := component.rejecting) and redact(why)
    if hasattr(component, "load"):
        yield "load", lambda: Load(*component.load)
    if hasattr(component, "journal"):
        yield "journal", _seldom(lambda: component.journal)
    if hasattr(component, "pool_use"):
        yield "connections", lambda: (use := component.pool_use) and Connections(*use)
    if hasattr(component, "lease_tally"):
        yield "leased", lambda: component.lease_tally.held
    if hasattr(component, "next_time"):
        yield (
            "fires",
            lambda: Fires(_moment(component.last_time), _moment(component.next_time)),
        )
    consumer = consumer_of(component)
    if hasattr(consumer, "last_poll"):
        yield "last_poll", lambda: _rounded(consumer.last_poll)
        yield "workers", lambda: Occupancy(consumer.busy, consumer.concurrency)


def _seldom(tell: Callable[[], Any]) -> Callable[[], Any]:
    """Ask at every fourth time only, or while there is nothing to tell: the pulse, which has four a
    second, then looks at a file once a second.
    """
    asked = 0
    value: Any = None

    def tell_again() -> Any:
        nonlocal asked, value
        if value is None or asked % 4 == 0:
            value = tell()
        asked += 1
        return value

    return tell_again


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else format_time(seconds)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
