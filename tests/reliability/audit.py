"""Accounts for every accepted message.

An id that was answered with 202 is in exactly one state: done, ready, delayed, in flight under a
lease, or dead. The database is intact, and only handlers logged tracebacks.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Container, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.engines.queue.sql.store import State
from tests.reliability.application import ended
from tests.support.blackbox import eventually
from tests.support.program import Program

STATES = """
SELECT message.id, CASE queue WHEN 'tasks' THEN state ELSE 3 END, runtime_owner.expires
FROM runtime_message AS message LEFT JOIN runtime_owner ON runtime_owner.id = owner
WHERE queue = 'tasks' OR state < 4
"""
"""A message that moved to another driver leaves a row that is done, and may have come back."""

MISCOUNTED = """
SELECT name, length FROM runtime_queue WHERE length <>
    (SELECT count(*) FROM runtime_message WHERE queue = name AND state < 3)
"""


def table(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query on the application's database file, read by another connection."""
    with closing(sqlite3.connect(folder / "data" / "a.db", timeout=10)) as connection:
        return connection.execute(query).fetchall()


@dataclass(frozen=True, slots=True)
class Audit:
    """The accepted messages: how many are in each state, and the ids of those in none."""

    states: Counter[State]
    lost: frozenset[str]

    @property
    def open(self) -> int:
        """The number that are neither done nor dead."""
        return self.states.total() - self.states[State.DONE] - self.states[State.DEAD]


def audit(folder: Path, accepted: Iterable[str]) -> Audit:
    """Find each accepted message in the application's database file."""
    return account(table(folder, STATES), ended(folder), accepted)


def account(
    rows: Iterable[tuple[Any, ...]], done: Container[str], accepted: Iterable[str]
) -> Audit:
    """Find each accepted message in the rows of `STATES`; the handlers of those in `done` ended.

    Raises AssertionError if one is there twice, is done although its handler never ended, or is in
    flight without a lease. An expired lease counts: it stays until its messages are rescued.
    """
    wanted = set(accepted)
    found: dict[str, State] = {}
    for id, number, expires in rows:
        state = State(number)
        assert id not in found, f"{id} is {found[id].name} and {state.name} at once"
        assert state is not State.DONE or id in done, f"{id} is done, but its handler never ended"
        assert state is not State.RUNNING or expires is not None, (
            f"{id} is in flight without a lease"
        )
        found[id] = state
    states = Counter(found[id] for id in wanted & found.keys())
    return Audit(states, frozenset(wanted - found.keys()))


def backlog(folder: Path) -> int:
    """The number of tasks that are ready, delayed or in flight."""
    query = "SELECT count(*) FROM runtime_message WHERE state < 3 AND queue = 'tasks'"
    return int(table(folder, query)[0][0])


def settle(folder: Path, accepted: Iterable[str], dead: int = 0, within: float = 60.0) -> Audit:
    """Wait until every task is done or dead, then audit the accepted ones."""
    eventually(lambda: not backlog(folder), within)
    result = audit(folder, accepted)
    assert not result.lost, f"lost: {sorted(result.lost)}"
    assert result.open == 0, result
    assert result.states[State.DEAD] == dead, result
    check_integrity(folder)
    return result


def check_integrity(folder: Path) -> None:
    """Assert that the file is intact and that the stored lengths of the queues are right."""
    assert table(folder, "PRAGMA integrity_check") == [("ok",)]
    assert table(folder, MISCOUNTED) == []


def check_log(program: Program, *expected: str) -> None:
    """Assert that only errors of the expected types were logged, and nothing but log lines."""
    types = {line["error"]["type"] for line in program.log if "error" in line}
    assert types <= set(expected), program.stderr
    for line in program.stderr.splitlines():
        assert line.startswith(("{", "fault: ")), f"not a line of the log: {line}"
        assert not line.startswith("{") or isinstance(json.loads(line), dict)
