"""Writer: inserts that are committed together, compared with `sqlite3` and one transaction."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from benchmarks import task
from benchmarks.curve import Curve
from benchmarks.service import run, serving
from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.database import Database

WAITING = (1, 8, 64)
Found = tuple[float, float]
"""Inserts a second, and microseconds of processor an insert."""

PAYLOAD = task.row(task.new("uppercase", {"text": "the quick brown fox jumps"}))[1:]


def measure(quick: bool) -> Iterator[Curve]:
    seconds, rounds = (0.2, 3) if quick else (0.3, 5)
    rows: list[list[str | float]] = []
    figures = {}
    for synchronous in ("NORMAL", "FULL"):
        for waiting in WAITING:
            ours, loops, many = [], [], []
            for _ in range(rounds):
                ours.append(_group(synchronous, waiting, seconds))
                loops.append(_batches(synchronous, waiting, seconds, many=False))
                many.append(_batches(synchronous, waiting, seconds, many=True))
            ratio = median(a[0] / b[0] for a, b in zip(ours, loops, strict=True))
            figures[f"{synchronous} {waiting}"] = ratio
            rows.append(
                [
                    f"{synchronous} {waiting}",
                    *_middle(ours),
                    *_middle(loops),
                    _middle(many)[0],
                    ratio,
                ]
            )
    yield Curve(
        "writer",
        "Group writer: inserts a second, by how many wait",
        ["waiting", "ours", "CPU µs", "sqlite3 batch", "CPU µs", "executemany", "ours / batch"],
        rows,
        figures,
        "a batch is one transaction of as many rows as wait, a call of `execute` each",
    )


def _middle(found: Sequence[Found]) -> Found:
    return median(rate for rate, _ in found), median(cpu for _, cpu in found)


def _group(synchronous: str, waiting: int, seconds: float) -> Found:
    async def main(file: str) -> Found:
        pragmas = {"synchronous": synchronous}
        settings = Settings(
            file=file,
            label="bench",
            name="app:db",
            pragmas=pragmas,
            busy_timeout=5.0,
            file_mode=0o600,
        )
        database = Database(settings, transaction_timeout=3.0)
        done = 0

        async def insert(until: float) -> None:
            nonlocal done
            while perf_counter() < until:
                done += 1
                await database.execute(task.INSERT, (f"{done:036}", *PAYLOAD))

        async with serving(database):
            await database.execute(task.TABLE)
            began, cpu = perf_counter(), process_time()
            await asyncio.gather(*(insert(began + seconds) for _ in range(waiting)))
            used = (process_time() - cpu) * 1e6
            return done / (perf_counter() - began), used / done

    with tempfile.TemporaryDirectory() as folder:
        return run(main(str(Path(folder, "tasks.db"))))


def _batches(synchronous: str, size: int, seconds: float, *, many: bool) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        connection = task.connect(str(Path(folder, "tasks.db")), synchronous)
        began, cpu, done = perf_counter(), process_time(), 0
        while (now := perf_counter()) - began < seconds:
            batch = [(f"{n:036}", *PAYLOAD) for n in range(done, done + size)]
            connection.execute("BEGIN IMMEDIATE")
            if many:
                connection.executemany(task.INSERT, batch)
            else:
                for row in batch:
                    connection.execute(task.INSERT, row)
            connection.execute("COMMIT")
            done += size
        used = (process_time() - cpu) * 1e6
        connection.close()
    return done / (now - began), used / done
