"""Failover to a synchronous standby: nothing that was accepted is lost."""

from __future__ import annotations

from pathlib import Path

from tests.reliability.failover import fail_over
from tests.reliability.scenario import Outcome, Size, trial

NAME = "PostgreSQL: a synchronous standby is promoted, 300 tasks/s"
SHORT = Size(times=1)
LONG = Size(times=5)


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """The slowest recovery is from the end of a promotion to the first task accepted."""
    with trial(NAME, folder, size, seed) as t:
        fail_over(t, synchronous=True)
    return t.outcome
