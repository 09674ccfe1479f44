"""Scenario: one way to make a program fail, at one of two sizes, and its outcome."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import ModuleType

SEED = 7
"""The seed of the random choices, unless another is given."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a run: messages, faults, and seconds; each scenario says which it uses."""

    messages: int = 0
    times: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Outcome:
    """One row of the table. A scenario that fails raises AssertionError instead."""

    accepted: int = 0
    lost: int = 0
    twice: int = 0
    """Handlers that were started again for a message, beyond its retries."""
    recovery: float | None = None
    """Seconds until interrupted work went on, at the longest; None if nothing is interrupted."""
    seconds: float = 0.0


@dataclass(slots=True)
class Trial:
    """One run of a scenario: its folder, its size and its random choices."""

    folder: Path
    size: Size
    seed: int
    chance: random.Random
    outcome: Outcome = field(default_factory=Outcome)


@contextmanager
def trial(name: str, folder: Path, size: Size, seed: int) -> Iterator[Trial]:
    """Print the seed, so that a failure can be repeated, and measure the time."""
    print(f"{name}: {size}, repeat with SEED={seed}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    run = Trial(folder, size, seed, random.Random(seed))
    began = monotonic()
    yield run
    run.outcome.seconds = monotonic() - began


def run_short(scenario: ModuleType, folder: Path) -> None:
    """Run a scenario at its short size, with the seed of the variable SEED if it is set."""
    seed = int(os.environ.get("SEED", SEED))
    outcome: Outcome = scenario.run(folder / "app", scenario.SHORT, seed)
    assert outcome.accepted > 0
    assert outcome.lost == 0
