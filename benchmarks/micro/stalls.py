"""Stalls: how long statements that are run on the event loop hold it up, when things go badly."""

from __future__ import annotations

import asyncio
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.curve import Curve
from benchmarks.service import run, serving
from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.read_queue import ReadQueue
from runtime.engines.sql.sqlite.write_queue import WriteQueue

TASKS = 8
TABLE = "CREATE TABLE rows (key TEXT PRIMARY KEY, body TEXT)"
FILL = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
    "INSERT OR IGNORE INTO rows SELECT hex(randomblob(18)), hex(randomblob(480)) FROM n"
)
"""About 1.1 kB a row."""
INSERT = "INSERT OR IGNORE INTO rows (key, body) VALUES (?, ?)"
UPDATE = "UPDATE rows SET body = ? WHERE key >= ? AND key < ?"
READ = "SELECT key, body FROM rows WHERE key >= ? ORDER BY key LIMIT 5"
SCAN = "SELECT count(*) AS n FROM rows WHERE body LIKE '%' || ? || '%'"

LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
while True:
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(0.02)
    connection.execute("COMMIT")
    time.sleep(0.02)
"""
DISK = """
import os, sys
file = os.open(sys.argv[1] + ".load", os.O_WRONLY | os.O_CREAT)
block = os.urandom(2**20)
while True:
    for place in range(16):
        os.pwrite(file, block, place * 2**20)
    os.fsync(file)
"""


def measure(quick: bool) -> Iterator[Curve]:
    seconds, megabytes = (0.5, 50) if quick else (4.0, 2_000)
    rows: list[list[str | float]] = []
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        small, large = str(Path(folder, "small.db")), str(Path(folder, "large.db"))
        _fill(small, 1)
        _fill(large, megabytes)
        for name, file, load, pragmas, long in (
            ("a small database", small, None, {}, False),
            (f"{megabytes:,} MB", large, None, {}, False),
            ("and a lock of another program, half of the time", large, LOCK, {}, False),
            ("and a checkpoint every 100 pages", large, None, {"wal_autocheckpoint": 100}, False),
            ("and a disk that another program keeps busy", large, DISK, {}, False),
            ("and long queries among the short ones", large, None, {}, True),
        ):
            with _beside(load, file):
                stalls = run(_stalls(file, pragmas, seconds, long))
            rows.append([name, len(stalls.all), *_percentiles(stalls.all)])
            rows[-1] += [_percentiles(stalls.undisturbed)[2], stalls.waits]
            figures[name] = _percentiles(stalls.undisturbed)[2]
    yield Curve(
        "stalls",
        "Statements on the event loop: ms that it stands still, a turn",
        ["with", "turns", "p50", "p99", "p99.9", "longest", "p99.9 undisturbed", "waits"],
        rows,
        figures,
        "undisturbed are turns in which the system gave the processor to no other program; "
        "waits are turns in which the loop waited: for the interpreter, a disk or a lock",
    )


class _Stalls:
    """The lengths of turns, noted while it is entered."""

    def __init__(self) -> None:
        self.all: list[float] = []
        self.undisturbed: list[float] = []
        self.waits = 0

    def noting(self, method: Callable[[Any], None]) -> Callable[[Any], None]:
        def noted(queue: Any) -> None:
            before, began = resource.getrusage(resource.RUSAGE_THREAD), perf_counter()
            method(queue)
            took, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_THREAD)
            self.all.append(took)
            if before.ru_nivcsw == after.ru_nivcsw:
                self.undisturbed.append(took)
                self.waits += before.ru_nvcsw != after.ru_nvcsw

        return noted

    @contextmanager
    def of(self, *queues: type[Any]) -> Iterator[None]:
        originals = [queue._run for queue in queues]
        for queue in queues:
            queue._run = self.noting(queue._run)
        try:
            yield
        finally:
            for queue, original in zip(queues, originals, strict=True):
                queue._run = original


async def _stalls(
    file: str, pragmas: dict[str, str | int | bool], seconds: float, long: bool
) -> _Stalls:
    settings = Settings(
        file=file, label="bench", name="app:db", pragmas=pragmas, busy_timeout=5.0, file_mode=0o600
    )
    database, stalls, chance = (
        Database(settings, transaction_timeout=3.0),
        _Stalls(),
        random.Random(1),
    )

    async def work(until: float) -> None:
        while perf_counter() < until:
            key = f"{chance.randbytes(18).hex().upper()}"
            await database.execute(INSERT, (key, "x" * 960))
            await database.query(READ, (key,))
            await database.execute(UPDATE, ("y" * 960, key, key[:5] + "G"))
            if long and chance.random() < 0.02:
                await database.query_one(SCAN, (key,))

    async with serving(database):
        with stalls.of(WriteQueue, ReadQueue):
            until = perf_counter() + seconds
            await asyncio.gather(*(work(until) for _ in range(TASKS)))
    return stalls


def _fill(file: str, megabytes: int) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -500000")
    connection.execute(TABLE)
    connection.execute(FILL, (megabytes * 900,))
    connection.close()


@contextmanager
def _beside(program: str | None, file: str) -> Iterator[None]:
    """Run a program beside, which is given the file."""
    if program is None:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", program, file]) as running:
        try:
            yield
        finally:
            running.kill()


def _percentiles(stalls: Sequence[float]) -> list[float]:
    """p50, p99, p99.9 and the longest, in milliseconds."""
    ordered = sorted(stalls) or [0.0]
    places = (0.5, 0.99, 0.999, 1.0)
    return [ordered[min(int(len(ordered) * place), len(ordered) - 1)] * 1e3 for place in places]
