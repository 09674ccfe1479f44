"""Comparison: each entrant in rounds, on one server of its kind, whose files are on disk."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import msgspec

from benchmarks.queues.entrant import Entrant
from benchmarks.queues.program import LIMIT, Figures, Phase
from benchmarks.subject import ROOT
from benchmarks.table import Table, spread
from tests.support import postgres_server, rabbitmq_server
from tests.support.postgres_server import PostgresServer
from tests.support.rabbitmq_server import RabbitMQServer

QUICK, THOROUGH = 1, 3
"""Rounds."""

HEADS = ("tool", "publish/s", "backlog/s", "publish to done/s", "µs client + server a task")

Found = dict[str, list[Figures]]


class Failed(Exception):
    """An entrant did not come to its end, as the text says."""


def absent_server(kind: str) -> str | None:
    """The reason why that server cannot be started here, or None."""
    if kind == "PostgreSQL":
        return None if postgres_server.bin_folder() else "no PostgreSQL"
    return None if (rabbitmq_server.BIN / "rabbitmq-server").exists() else "no RabbitMQ"


def run(
    entrants: Sequence[Entrant], rounds: int, told: Callable[[str], None]
) -> tuple[Found, dict[str, str]]:
    """The figures of each round, and the reasons of those that are absent, by title."""
    found: Found = {}
    absent: dict[str, str] = {}
    for kind in dict.fromkeys(entrant.server for entrant in entrants):
        chosen = []
        for entrant in (each for each in entrants if each.server == kind):
            if reason := absent_server(kind) or entrant.missing():
                absent[entrant.title] = reason
            else:
                chosen.append(entrant)
        for _ in range(rounds if chosen else 0):
            for entrant in chosen:
                told(f"{kind}: {entrant.title}")
                # each time on an empty server, for what others left would have to be cleaned up
                with running(kind) as (url, guard):
                    try:
                        found.setdefault(entrant.title, []).append(measure(entrant, url, guard))
                    except Failed as error:
                        absent[entrant.title] = str(error)
    return found, absent


@contextmanager
def running(kind: str) -> Iterator[tuple[str, int]]:
    """A new server; its address, and the process below which all of it runs."""
    of_kind = {
        "PostgreSQL": partial(PostgresServer, fsync=True),
        "RabbitMQ": partial(RabbitMQServer, on_disk=True),
    }
    with of_kind[kind]().running() as server:
        yield server.url, server.process.guard_pid


def measure(entrant: Entrant, url: str, guard: int) -> Figures:
    """Measure it in a process of its own. Raises Failed with the last line of its error."""
    program = [sys.executable, "-m", "benchmarks.queues.program", entrant.module]
    try:
        done = subprocess.run(
            [*program, url, str(guard), str(entrant.count)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LIMIT + 60,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"did not end within {LIMIT + 60:.0f} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise Failed(f"failed: {lines[-1] if lines else 'without an error'}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Figures)


def tables(entrants: Sequence[Entrant], found: Found, absent: dict[str, str]) -> Iterator[Table]:
    for kind in dict.fromkeys(entrant.server for entrant in entrants):
        titles = [entrant.title for entrant in entrants if entrant.server == kind]
        rows = [_row(title, found[title]) for title in titles if found.get(title)]
        reasons = [f"{title}: {absent[title]}" for title in titles if title in absent]
        yield Table(f"No-op tasks on {kind}", HEADS, rows, "; ".join(reasons))


def _row(title: str, rounds: Sequence[Figures]) -> list[str]:
    phases: tuple[list[Phase], ...] = (
        [each.publish for each in rounds],
        [each.backlog for each in rounds],
        [each.both for each in rounds],
    )
    rates = [spread([phase.rate for phase in of]) for of in phases]
    client, server = (
        spread([getattr(phase, side) for phase in phases[2]]) for side in ("client", "server")
    )
    return [title, *rates, f"{client} + {server}"]
