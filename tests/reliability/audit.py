"""Account: where every accepted message is.

An id that was answered with 202 is in exactly one place: done, ready, delayed, in flight under a
lease that lives, or dead. The database is sound, and no traceback was logged but a handler's.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.engines.queue.sql.sqlite.tables import State
from tests.reliability.application import ended
from tests.support.blackbox import eventually
from tests.support.program import Program

PLACES = """
SELECT held.id, CASE queue WHEN 'tasks' THEN state ELSE 3 END, runtime_owner.expires
FROM runtime_message AS held LEFT JOIN runtime_owner ON runtime_owner.id = owner
"""

MISCOUNTED = """
SELECT name, length FROM runtime_queue WHERE length <>
    (SELECT count(*) FROM runtime_message WHERE queue = name AND state < 3)
"""


def table(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query on the application's file, seen from outside."""
    with closing(sqlite3.connect(folder / "data" / "a.db", timeout=10)) as connection:
        return connection.execute(query).fetchall()


@dataclass(frozen=True, slots=True)
class Account:
    """Of the accepted messages, by the place where they are."""

    places: Counter[State]
    lost: frozenset[str]

    @property
    def open(self) -> int:
        """How many are neither done nor dead."""
        return self.places.total() - self.places[State.DONE] - self.places[State.DEAD]


def account(folder: Path, accepted: Iterable[str]) -> Account:
    """Find each accepted message; raises if one is in two places, or says done and was not.

    In flight must be under a lease: one that ran out is still there until somebody looks, and
    then it gives back what was held under it.
    """
    wanted = set(accepted)
    done = ended(folder)
    found: dict[str, State] = {}
    for id, number, expires in table(folder, PLACES):
        state = State(number)
        assert id not in found, f"{id} is {found[id].name} and {state.name} at once"
        assert state is not State.DONE or id in done, f"{id} counts as done and never ended"
        assert state is not State.RUNNING or expires is not None, f"{id} is held by nobody"
        found[id] = state
    places = Counter(found[id] for id in wanted & found.keys())
    return Account(places, frozenset(wanted - found.keys()))


def waiting(folder: Path) -> int:
    """How many tasks are open."""
    query = "SELECT count(*) FROM runtime_message WHERE state < 3 AND queue = 'tasks'"
    return int(table(folder, query)[0][0])


def settle(folder: Path, accepted: Iterable[str], dead: int = 0, within: float = 60.0) -> Account:
    """Wait until nothing is open any more, and hold the accounting check."""
    eventually(lambda: not waiting(folder), within)
    result = account(folder, accepted)
    assert not result.lost, f"lost: {sorted(result.lost)}"
    assert result.open == 0, result
    assert result.places[State.DEAD] == dead, result
    sound(folder)
    return result


def sound(folder: Path) -> None:
    """The file is whole, and the lengths of the queues are right."""
    assert table(folder, "PRAGMA integrity_check") == [("ok",)]
    assert table(folder, MISCOUNTED) == []


def no_surprise(program: Program, *declared: str) -> None:
    """Nothing was logged with a traceback but errors of these types, which handlers raise."""
    types = {line["error"]["type"] for line in program.log if "error" in line}
    assert types <= set(declared), program.stderr
    for line in program.stderr.splitlines():
        assert line.startswith(("{", "fault: ")), f"not a line of the log: {line}"
        assert not line.startswith("{") or isinstance(json.loads(line), dict)
