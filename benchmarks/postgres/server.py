"""Server: one PostgreSQL for a benchmark, whose files are on disk, and the workers on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager

import msgspec

from benchmarks.postgres.worker import Seen
from benchmarks.subject import ROOT
from tests.support.postgres_server import PostgresServer
from tests.support.server import LOOPBACK


def serving(host: str = LOOPBACK) -> AbstractContextManager[PostgresServer]:
    """A new server, with fsync."""
    return PostgresServer(fsync=True, host=host).running()


class Worker:
    """A program on a server; it works once it is told to."""

    def __init__(
        self, url: str, *, listen: bool = True, count: int = 0, within: Sequence[str] = ()
    ) -> None:
        words = [url, "listen" if listen else "look", str(count)]
        self._process = subprocess.Popen(
            [*within, sys.executable, "-m", "benchmarks.postgres.worker", *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("the worker did not start")

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("begin\n")
        self._process.stdin.flush()

    def end(self) -> Seen:
        """Stop it. Returns what it has seen."""
        out, _ = self._process.communicate(timeout=60)
        return msgspec.json.decode(out.splitlines()[-1], type=Seen)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int((len(values) - 1) * share)]


FILL = """
INSERT INTO runtime_message (id, queue, state, priority, place, published, headers, body)
SELECT 'message-' || n, 'bench', 0, 0, 1000000000000000 + n, 1000000000, '', '{}'
FROM generate_series(1, %s) AS n
"""
COUNT = "INSERT INTO runtime_length VALUES ('bench', %s)"


def fill(server: PostgresServer, count: int) -> None:
    """Put no-op messages into the queue, as publishes would leave them."""
    for first in range(0, count, 100_000):
        server.execute(FILL, min(100_000, count - first))
    server.execute(COUNT, count)
