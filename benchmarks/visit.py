"""Visit: measures one subject once, from its start to its end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter, sleep

from benchmarks import load
from benchmarks.subject import SOON, Failed, Running, Subject, running

IDLE = 1.0
"""Seconds after the first answer at which memory is read."""
WARM_UP = 1
"""Seconds of load before the measured one."""
QUIET = 0.2
STUCK = 5.0
"""Seconds without a new row after which the rest is counted as missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The figures of one visit; None for what a subject does not do."""

    start: float
    """Seconds from exec to the first answer."""
    rss: float
    pss: float
    """Megabytes when idle."""
    posts: float
    """Accepted POSTs a second."""
    p50: float
    p99: float
    """Milliseconds of a POST."""
    cpu_post: float | None = None
    """Microseconds of processor time per POST, if the subject does nothing else."""
    tasks: float | None = None
    """Tasks a second, from the first POST to the last row."""
    cpu_task: float | None = None
    """Microseconds of processor time per task, its POST included."""
    refused: int = 0
    missing: int = 0
    """Tasks that were accepted and have no row."""

    @property
    def cpu(self) -> float | None:
        """Microseconds of processor time per task, or per POST that nobody works on."""
        return self.cpu_post if self.cpu_task is None else self.cpu_task


def visit(subject: Subject, seconds: int) -> Sample:
    with running(subject) as program:
        sleep(IDLE)
        rss, pss = program.rss(), program.pss()
        warming = load.post(program.url, WARM_UP)
        rows = Rows(program) if subject.works else None
        if rows is not None:
            rows.settle(warming.accepted, limit=SOON)
            rows.calm()

        cpu, began = program.cpu(), perf_counter()
        found = load.post(program.url, seconds)
        if not found.accepted:
            raise Failed(f"{subject.title} accepted none of {found.refused:,} POSTs")
        worked = rows.settle(found.accepted) if rows is not None else found.accepted
        used = (program.cpu() - cpu) * 1e6
        took = perf_counter() - began
    return Sample(
        start=program.start,
        rss=rss,
        pss=pss,
        posts=found.rate,
        p50=found.p50,
        p99=found.p99,
        cpu_post=None if subject.works else used / found.accepted,
        tasks=worked / took if subject.works else None,
        cpu_task=used / worked if subject.works and worked else None,
        refused=found.refused,
        missing=found.accepted - worked,
    )


class Rows:
    """Counts the rows that a subject has written, on a connection of its own."""

    def __init__(self, program: Running) -> None:
        self._file = program.file
        self._seen = 0

    def settle(self, wanted: int, limit: float = STUCK) -> int:
        """Wait for new rows. Returns their number, at most `wanted`.

        Gives up after `limit` seconds without a new row.
        """
        with self._connected() as connection:
            last, news = self._seen, perf_counter()
            while (now := _count(connection)) - self._seen < wanted:
                if now != last:
                    last, news = now, perf_counter()
                elif perf_counter() - news > limit:
                    break
                sleep(0.005)
        done = min(now - self._seen, wanted)
        self._seen = now
        return done

    def new(self) -> int:
        """The rows that were written since those that were settled."""
        with self._connected() as connection:
            return _count(connection) - self._seen

    def calm(self) -> None:
        """Wait until no row is added: wrk leaves a few requests in flight at its end."""
        with self._connected() as connection:
            news = perf_counter()
            while perf_counter() - news < QUIET:
                if (now := _count(connection)) != self._seen:
                    self._seen, news = now, perf_counter()
                sleep(0.005)

    def _connected(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True))


def _count(connection: sqlite3.Connection) -> int:
    # No row is ever deleted, so the last number is the count, for the price of one look.
    row = connection.execute("SELECT coalesce(max(rowid), 0) FROM tasks").fetchone()
    count: int = row[0]
    return count
