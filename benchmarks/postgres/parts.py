"""Parts: the measurements there are, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.postgres import forgotten, idle, programs, steady, waiting
from benchmarks.table import Table

PARTS: Mapping[str, Callable[[bool], Table]] = {
    "programs": programs.measure,
    "waiting": waiting.measure,
    "forgotten": forgotten.measure,
    "idle": idle.measure,
    "steady": steady.measure,
}
"""Each takes True for a quick run."""
