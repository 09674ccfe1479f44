"""Remark: one thing that was looked at on this machine, and how it is."""

from __future__ import annotations

from enum import Enum

import msgspec


class State(Enum):
    """The state of what was looked at."""

    OK = "ok"
    WARNING = "warning"
    """The application starts, and something may fail later."""
    FAILURE = "failure"
    """The application cannot start."""


class Remark(msgspec.Struct, frozen=True):
    """One thing about the machine, for `runtime doctor`."""

    state: State
    text: str
    hint: str | None = None
    """The mend of what is not as it should be."""
