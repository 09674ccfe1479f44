"""Fired: the outcome of a planned time."""

from __future__ import annotations

from enum import Enum, auto
from hashlib import sha256

from runtime.engines.queue.message import LONGEST_KEY


class Fired(Enum):
    """The outcome of a planned time of a schedule."""

    HERE = auto()
    """A message was published for it."""
    ELSEWHERE = auto()
    """One was published for it before, by this program or another."""
    OVERLAPPED = auto()
    """None was published: that of an earlier time is unfinished."""


def key_of(schedule: str) -> str:
    """The unique key of a schedule's messages, of an id that may be longer than keys are."""
    key = f"schedule {schedule}"
    return key if len(key) <= LONGEST_KEY else f"schedule {sha256(schedule.encode()).hexdigest()}"
