"""Look: the program, its files and its answers at one moment of a soak."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.family import Family
from benchmarks.soak.ledger import Ledger

_PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Look:
    """Sizes in MiB, latencies in ms since the look before; counts since the start."""

    seconds: float
    cpu: float
    """Seconds of processor time of the program since its start."""
    rss: float
    """Of the main process alone: the others come and go with reloads."""
    descriptors: int
    threads: int
    processes: int
    wal: float
    database: float
    waiting: int
    """Messages that are ready, delayed or running."""
    dead: int
    kept: int
    """Finished messages, which are kept for `retention`."""
    p50: float
    p99: float
    lag: float
    """The 99th percentile by which this process sent late."""
    reload: float
    """The last reload that was asked for by a command, in ms."""
    oldest: float
    """Seconds since the first task that is not done was accepted."""
    requests: int
    accepted: int
    done: int
    twice: int
    failures: int
    reloads: int
    clients: int
    machine: float
    """The load of the whole machine over the last minute, by the kernel."""


def look(family: Family, file: Path, ledger: Ledger, seconds: float) -> Look:
    """Look now, and begin the latencies anew. Raises OSError if the program has ended."""
    latencies, ledger.latencies = sorted(ledger.latencies), []
    lags, ledger.lags = sorted(ledger.lags), []
    process = Path(f"/proc/{family.pid}")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
        ledger.settle(connection)
        counted = "SELECT state, count(*) FROM runtime_message GROUP BY state"
        states = dict(connection.execute(counted))
    return Look(
        seconds,
        family.cpu(),
        int((process / "statm").read_text().split()[1]) * _PAGE / MIB,
        len(os.listdir(process / "fd")),
        len(os.listdir(process / "task")),
        _children(process),
        file.with_name(f"{file.name}-wal").stat().st_size / MIB,
        file.stat().st_size / MIB,
        sum(count for state, count in states.items() if state < 3),
        states.get(3, 0),
        sum(count for state, count in states.items() if state > 3),
        percentile(latencies, 0.5) * 1e3,
        percentile(latencies, 0.99) * 1e3,
        percentile(lags, 0.99) * 1e3,
        1e3 * ledger.reloads[-1] if ledger.reloads else 0.0,
        ledger.oldest(),
        ledger.requests,
        ledger.accepted,
        ledger.done,
        ledger.twice,
        ledger.failures.total(),
        len(ledger.reloads),
        ledger.clients,
        os.getloadavg()[0],
    )


def _children(process: Path) -> int:
    count = 0
    for task in process.glob("task/*"):
        with suppress(OSError):  # the thread has ended meanwhile
            count += len(task.joinpath("children").read_text().split())
    return count


def percentile(ordered: Sequence[float], part: float) -> float:
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
