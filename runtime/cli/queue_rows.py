"""Queue rows: the queues of an application as the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.units import format_duration

HEAD = ("QUEUE", "READY", "DELAYED", "RUNNING", "DEAD", "OLDEST", "IN/S", "OUT/S")


def cells(queue: Mapping[str, Any]) -> tuple[str, ...]:
    """One queue of `/api/status`; its rates are None if the application does not run."""
    ready, delayed, running, dead = (_count(queue[name]) for name in _COUNTS)
    oldest = "" if queue["oldest"] is None else format_duration(queue["oldest"])
    rates = ("" if queue[name] is None else f"{queue[name]:g}" for name in _RATES)
    more = "+" if queue["capped"] else ""
    return queue["id"], f"{ready}{more}", delayed, running, dead, oldest, *rates


_COUNTS = ("ready", "delayed", "running", "dead")
_RATES = ("in_rate", "out_rate")


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"
