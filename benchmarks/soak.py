"""Soak: the durable example at a steady rate for minutes, to find what grows.

One task in twenty fails until its attempts are spent, and clients come and go. A line a minute
shows the program's resources; the verdict compares the end with the time after the warm-up.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from statistics import linear_regression, median
from time import monotonic

from benchmarks import ours
from benchmarks.pace import Pace
from benchmarks.subject import Running, Subject, running

EVERY = 5.0
"""Seconds between two looks."""
MINUTE = 60.0
WARM_UP = 0.25
"""The share of the time that the verdict ignores, while caches and pools fill."""

SLOPE, GROWTH = 1.0, 1.5
"""Growth of the resident memory: MiB an hour, and MiB in all, of which one must not be exceeded.

Caches fill for the first minutes of any process, so ten minutes show a leak of ten MiB an hour,
and hours one of one.
"""
DRIFT = 1.2
"""The highest ratio of the second half's p99 to the first half's."""
DESCRIPTORS = 4
WAL = 64.0

SEED = Subject(
    "the seed application, durable",
    "ours",
    [
        f"{ours.RUN} --log-level error {ours.UNBOUNDED} {ours.FULL} "
        "-o app:tasks_queue:retry.initial_delay=100ms "
        "-o app:tasks_queue:dead_letter.max_attempts=3"
    ],
    ours.seed,
)
"""Short retry delays, so that a failing task is dead within a second."""


@dataclass(frozen=True, slots=True)
class Look:
    """The program at one moment. Memory in MiB, percentiles in ms."""

    seconds: float
    rss: float
    descriptors: int
    threads: int
    wal: float
    backlog: int
    rows: int
    p50: float
    p99: float
    errors: int


def soak(minutes: float, rate: int) -> int:
    """Run, and print a verdict. Returns an exit code: 0 if nothing grows."""
    with running(SEED) as program:
        print(f"{rate} tasks a second for {minutes:g} minutes, one in twenty fails\n")
        print("  min   RSS MiB  fds  threads  WAL MiB  backlog     rows  p50 ms  p99 ms  errors")
        looks = asyncio.run(_watch(program, minutes * MINUTE, rate))
    lines = verdict(looks)
    print("\n" + "\n".join(lines))
    bad = any(line.endswith("BAD") for line in lines)
    print(f"\nverdict: {'something grows' if bad else 'steady'}")
    return int(bad)


async def _watch(program: Running, seconds: float, rate: int) -> list[Look]:
    pace = Pace(program.port, rate)
    posting = asyncio.create_task(pace.run())
    began, looks, minute = monotonic(), [], list[Look]()
    while (passed := monotonic() - began) < seconds and not posting.done():
        await asyncio.sleep(min(EVERY, seconds - passed))
        minute.append(await asyncio.to_thread(_look, program, pace, monotonic() - began))
        if len(minute) * EVERY >= MINUTE or minute[-1].seconds >= seconds:
            _print(minute)
            looks += minute
            minute = []
    posting.cancel()
    with suppress(asyncio.CancelledError):
        await posting
    return looks


def _look(program: Running, pace: Pace, seconds: float) -> Look:
    (family,) = program.families
    latencies = pace.take()
    wal = program.file.with_name(program.file.name + "-wal")
    with closing(sqlite3.connect(f"file:{program.file}?mode=ro", uri=True)) as connection:
        waiting = "SELECT count(*) FROM runtime_message WHERE state < 3"
        backlog: int = connection.execute(waiting).fetchone()[0]
        rows: int = connection.execute("SELECT max(rowid) FROM tasks").fetchone()[0] or 0
    return Look(
        seconds,
        family.memory().rss * 1e6 / 2**20,
        family.descriptors(),
        family.threads(),
        wal.stat().st_size / 2**20,
        backlog,
        rows,
        _percentile(latencies, 0.5),
        _percentile(latencies, 0.99),
        pace.errors,
    )


def _print(minute: Sequence[Look]) -> None:
    """Print resources as they are now, and latencies since the last line."""
    look = minute[-1]
    p50, p99 = median(look.p50 for look in minute), median(look.p99 for look in minute)
    print(
        f"{look.seconds / MINUTE:>5.1f} {look.rss:>9.1f} {look.descriptors:>4} {look.threads:>8} "
        f"{look.wal:>8.1f} {look.backlog:>8,} {look.rows:>8,} {p50:>7.2f} {p99:>7.2f} "
        f"{look.errors:>7}",
        flush=True,
    )


def verdict(looks: Sequence[Look]) -> list[str]:
    """One line per resource, which ends in `ok` or `BAD`."""
    steady = looks[int(len(looks) * WARM_UP) :]
    half = len(steady) // 2
    first, last = steady[:half], steady[half:]
    slope, noise = _slope(steady)
    grown = slope * (steady[-1].seconds - steady[0].seconds) / 3600
    descriptors = max(look.descriptors for look in last) - max(look.descriptors for look in first)
    threads = last[-1].threads - first[0].threads
    p99 = median(look.p99 for look in last) / median(look.p99 for look in first)
    wal = max(look.wal for look in steady)
    backlog = min(look.backlog for look in last)
    rate = (last[-1].rows - first[0].rows) / (last[-1].seconds - first[0].seconds)

    def line(text: str, good: bool) -> str:
        return f"{text}: {'ok' if good else 'BAD'}"

    return [
        line(
            f"RSS {slope:+.1f} ± {noise:.1f} MiB/h, {grown:+.1f} MiB in all "
            f"(at most {SLOPE:g} MiB/h, or {GROWTH:g} MiB)",
            slope - noise <= SLOPE or grown <= GROWTH,
        ),
        line(f"descriptors {descriptors:+} (at most {DESCRIPTORS})", descriptors <= DESCRIPTORS),
        line(f"threads {threads:+} (none)", threads <= 0),
        line(f"p99 of the second half {p99:.2f} × the first (at most {DRIFT:g})", p99 <= DRIFT),
        line(f"WAL at most {wal:.1f} MiB (at most {WAL:g})", wal <= WAL),
        line(
            f"backlog of the second half {backlog:,} at least (less than 2 s of tasks)",
            backlog < 2 * rate,
        ),
        line(f"errors {last[-1].errors} (none)", not last[-1].errors),
    ]


def _slope(looks: Sequence[Look]) -> tuple[float, float]:
    """Growth of the memory in MiB an hour by least squares, and twice its standard error."""
    hours = [look.seconds / 3600 for look in looks]
    fit = linear_regression(hours, [look.rss for look in looks])
    off = [
        look.rss - fit.slope * hour - fit.intercept for look, hour in zip(looks, hours, strict=True)
    ]
    centre = sum(hours) / len(hours)
    spread = sum((hour - centre) ** 2 for hour in hours)
    variance = sum(error**2 for error in off) / max(1, len(looks) - 2)
    return fit.slope, float(2 * (variance / spread) ** 0.5)


def _percentile(ordered: Sequence[float], part: float) -> float:
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1e3
