"""Kills, with `durability: normal`: SIGKILL while the event loop itself writes to the database.

Each handler inserts a row and is acked after it, so each row is there at least once.
"""

from __future__ import annotations

from pathlib import Path

from tests.reliability import application, kills
from tests.reliability.scenario import Outcome, Size, trial

NAME = "the same with `durability: normal`, written on the event loop"
SHORT: Size = kills.SHORT
LONG: Size = kills.LONG


def run(folder: Path, size: Size, seed: int) -> Outcome:
    with trial(NAME, folder, size, seed) as t:
        application.write_normal(folder)
        kills.kill_under_load(t, "insert")
    return t.outcome
