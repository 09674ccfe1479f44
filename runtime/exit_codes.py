"""ExitCode: the exit codes of `runtime`."""

from __future__ import annotations

import signal
from enum import IntEnum


class ExitCode(IntEnum):
    """If several apply, 4 goes before 5, 6 and 0: see docs/exit-codes-and-signals.md."""

    OK = 0
    INTERNAL_ERROR = 1
    USAGE = 2
    INVALID_MANIFEST = 3
    START_FAILED = 4
    SERVICE_FAILED = 5
    STOP_TIMED_OUT = 6
    """The drain ran out of time, or a second signal ended the program at once."""


def describe_end(code: int) -> str:
    """The end of a child in words, after its name; a negative code is that of a signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
