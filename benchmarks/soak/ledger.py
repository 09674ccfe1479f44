"""Ledger: what was asked of the program and came of it, for the looks and the verdict."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic


@dataclass(slots=True)
class Ledger:
    """Latencies in seconds, since the last look; failures by what failed; tasks by number."""

    latencies: list[float] = field(default_factory=list)
    """From the moment at which a request was due to its answer."""
    lags: list[float] = field(default_factory=list)
    """By how much requests were sent late: the delay of this process, not of the program."""
    reloads: list[float] = field(default_factory=list)
    """How long each reload took, by the program's own account."""
    failures: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    accepted: int = 0
    done: int = 0
    twice: int = 0
    dropped: int = 0
    requeued: int = 0
    clients: int = 0
    """Streams and WebSockets that came and went."""
    events: int = 0
    refused: int = 0
    """Reloads that were refused, as they ought to be."""
    open: dict[int, float] = field(default_factory=dict)
    """Tasks that were accepted and must be done: the moment of their acceptance."""
    doomed: dict[str, int] = field(default_factory=dict)
    """Tasks that never work, by the id of their message."""
    _seen: float = 0.0

    def accept(self, number: int, kind: str, answer: bytes) -> None:
        self.accepted += 1
        if kind == "never":
            self.doomed[json.loads(answer)["id"]] = number
        else:
            self.open[number] = monotonic()

    def fail(self, what: str) -> None:
        """Note a failure, and print the first ones of its sort."""
        self.failures[what] += 1
        if self.failures[what] <= 3:
            print(f"      failed: {what}", flush=True)

    def counted(self) -> dict[str, object]:
        names = (
            "requests",
            "accepted",
            "done",
            "twice",
            "dropped",
            "requeued",
            "clients",
            "events",
            "refused",
        )
        counts: dict[str, object] = {name: getattr(self, name) for name in names}
        return counts | {"reloads": len(self.reloads), "failures": dict(self.failures)}

    def settle(self, connection: sqlite3.Connection) -> None:
        """Strike out the tasks that have a row since the last call."""
        rows = connection.execute(
            "SELECT number, times, at FROM done WHERE at > ? - 5", (self._seen,)
        )
        for number, times, at in rows:
            self._seen = max(self._seen, at)
            if self.open.pop(number, None) is not None:
                self.done += 1
                self.twice += times > 1

    def oldest(self) -> float:
        """Seconds since the first of the open tasks was accepted."""
        return monotonic() - next(iter(self.open.values())) if self.open else 0.0
