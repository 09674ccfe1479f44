"""Fired: the outcome of a planned time."""

from __future__ import annotations

from enum import Enum, auto


class Fired(Enum):
    """The outcome of a planned time of a schedule."""

    HERE = auto()
    """A message was published for it."""
    ELSEWHERE = auto()
    """One was published for it before, by this program or another."""
    OVERLAPPED = auto()
    """None was published: that of an earlier time is unfinished."""
