"""Scenario: one way to hurt a program, at one of two sizes, with what came of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

SEED = 7
"""What every scenario draws its chances from, if nobody asks for another."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much: messages, how often something is done to the program, for how many seconds."""

    messages: int = 0
    times: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Outcome:
    """One row of the table. A scenario that is not passed raises AssertionError instead."""

    accepted: int = 0
    lost: int = 0
    twice: int = 0
    """Handlers that were started again for a message, beyond the retries that it asked for."""
    recovery: float | None = None
    """The longest time until what was cut off went on; None where nothing is."""
    seconds: float = 0.0


@dataclass(slots=True)
class Trial:
    """One run of a scenario: where its files are, and what it draws its chances from."""

    folder: Path
    size: Size
    seed: int
    chance: random.Random
    outcome: Outcome = field(default_factory=Outcome)


@contextmanager
def trial(name: str, folder: Path, size: Size, seed: int) -> Iterator[Trial]:
    """Say the seed, so that a failure can be repeated, and take the time."""
    print(f"{name}: {size}, repeat with SEED={seed}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    run = Trial(folder, size, seed, random.Random(seed))
    began = monotonic()
    yield run
    run.outcome.seconds = monotonic() - began
