"""Runs scenarios at their long size and writes a table of results to docs/reliability.md."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

from tests.reliability.scenario import SEED, Outcome
from tests.support.blackbox import ROOT

SCENARIOS = (
    "kills", "kills_normal", "failpoint_sweep", "statements", "graceful_stop", "overrun", "freeze",
    "poison", "locks", "damage", "overload", "migration", "combined_faults", "forks", "descriptors",
    "declared_kills", "broker",
    "postgres_kills", "postgres_crashes", "failover_synchronous", "failover_asynchronous",
    "postgres_partition", "postgres_suspended", "postgres_drain", "postgres_snapshot",
    "postgres_pooler", "postgres_versions", "fire_times", "postgres_declared",
    "postgres_declared_partition",
)  # fmt: skip
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->"
HEAD = ("Scenario", "accepted", "lost", "run twice", "slowest recovery", "seconds")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make reliability ARGS=…", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"scenarios: {', '.join(SCENARIOS)}")
    parser.add_argument("--short", action="store_true", help="run the sizes of the tests")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    rows, failed = [], False
    for name in arguments.only or SCENARIOS:
        module = import_module(f"tests.reliability.{name}")
        size = module.SHORT if arguments.short else module.LONG
        with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
            try:
                rows.append(row(module.NAME, module.run(Path(folder) / name, size, arguments.seed)))
            except pytest.skip.Exception as error:
                rows.append((f"{module.NAME}: {error}", "not run", "", "", "", ""))
                failed = True
            except Exception:
                traceback.print_exc()
                rows.append((module.NAME, "failed", "", "", "", ""))
                failed = True
        print(" | ".join(rows[-1]), flush=True)
    print(table(rows))
    if not (failed or arguments.only or arguments.short):
        write(rows, arguments.seed)
    return int(failed)


def row(name: str, outcome: Outcome) -> tuple[str, ...]:
    recovery = "" if outcome.recovery is None else _spelled(outcome.recovery)
    counts = (f"{outcome.accepted:,}", f"{outcome.lost:,}", f"{outcome.twice:,}")
    return name, *counts, recovery, f"{outcome.seconds:.0f}"


def _spelled(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 0.1 else f"{seconds:.1f} s"


def table(rows: Sequence[Sequence[str]]) -> str:
    lines = [HEAD, ("---", *["---:"] * (len(HEAD) - 1)), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(rows: Sequence[Sequence[str]], seed: int) -> None:
    """Replace what stands between the two marks of the page."""
    machine = (
        f"`make reliability`, seed {seed}, on {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}:\n\n"
    )
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}{machine}{table(rows)}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
