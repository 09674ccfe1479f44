"""ExitCode: the exit codes of `runtime`."""

from __future__ import annotations

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
