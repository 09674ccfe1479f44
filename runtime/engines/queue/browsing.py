"""Browsing: drivers that can look at messages without taking them, and delete those that wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from runtime.engines.queue.message import NO_HEADERS

STATES = ("ready", "delayed", "running")
MOST = 1_000
"""Messages that are looked at in one call."""


class Browsed(msgspec.Struct, frozen=True, kw_only=True):
    """A message without its body. Times are seconds since 1970."""

    id: str
    attempt: int
    priority: int
    published: float
    due: float | None = None
    """Of a delayed message."""
    parked: bool = False
    """True of a ready message that a claim passed over: of its `concurrency_by` key run as many as
    may.
    """
    size: int
    """Bytes of its body."""
    headers: Mapping[str, str] = NO_HEADERS


@runtime_checkable
class BrowsableQueue(Protocol):
    """A driver's queue that can be looked into. A driver without says so in its kind's
    `unsupported`, under `tasks`.
    """

    async def browse(self, state: str, limit: int, after: str | None) -> Sequence[Browsed]:
        """The messages in a state, one of STATES, in the order in which they come: those ready by
        priority and age and those parked behind the others, those delayed by their time, those
        running by age. With `after`, those behind the one of that id; none if that is in the state
        no longer.
        """
        ...

    async def body(self, id: str) -> bytes | None:
        """The body of an unfinished message; None if there is none of that id."""
        ...

    async def purge(self, state: str) -> int:
        """Delete the messages that are `ready` or `delayed`, and tell how many there were."""
        ...


def check_state(state: str) -> None:
    """Raise ValueError unless it is one of STATES."""
    if state not in STATES:
        raise ValueError(f"'state' is '{state}', not one of {', '.join(STATES)}")
