"""Browsing: messages in a database, looked at without a lease, and those that wait deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runtime.engines.queue.browsing import Browsed
from runtime.engines.queue.sql.columns import decode_headers, from_micros
from runtime.engines.queue.sql.store import State
from runtime.engines.queue.sql.tasks import Tasks
from runtime.engines.sql.contract import Row

STEP = 1_000
"""Messages that are deleted in one commit."""

_STATES = {
    "ready": (State.READY, State.PARKED),
    "delayed": (State.DELAYED,),
    "running": (State.RUNNING,),
}
_BY_AGE, _LATER = "m.place, m.seq", "(m.place, m.seq) > (:place, :seq)"
_BY_PRIORITY = f"m.priority DESC, {_BY_AGE}"
_LESS_URGENT = f"(m.priority < :priority OR (m.priority = :priority AND {_LATER}))"
_ORDERS = {
    State.READY: (_BY_PRIORITY, _LESS_URGENT),
    State.PARKED: (_BY_PRIORITY, _LESS_URGENT),
    State.DELAYED: (_BY_AGE, _LATER),
    State.RUNNING: (_BY_AGE, _LATER),
}
_MESSAGES = "$tables.runtime_message m"
_PARKED = f"$tables.runtime_parked p JOIN {_MESSAGES} ON m.seq = p.seq AND p.queue = :queue"
"""The parked ones by the table of them: there is no index of their state."""
_BROWSE = """
SELECT m.id, m.state, m.attempt, m.priority, m.published, m.place, m.headers,
    length(m.body) AS size
FROM {source} WHERE m.queue = :queue AND m.state = {state} {behind}
ORDER BY {order} LIMIT :count
"""
_AFTER = """
SELECT state, priority, place, seq FROM $tables.runtime_message
WHERE id = :id AND queue = :queue AND state IN ({states})
"""
_BODY = """
SELECT body FROM $tables.runtime_message WHERE id = :id AND queue = :queue AND state < 3
"""
_PURGE = """
DELETE FROM $tables.runtime_message WHERE state = {state} AND seq IN
    (SELECT seq FROM $tables.runtime_message WHERE queue = :queue AND state = {state} LIMIT :count)
"""


async def browse(
    tasks: Tasks, queue: str, state: str, count: int, after: str | None
) -> Sequence[Browsed]:
    """The messages of a queue in a state, as BrowsableQueue.browse."""
    states, first = _STATES[state], None
    if after is not None:
        among = ", ".join(map(str, map(int, states)))
        found = await tasks.query(_AFTER.format(states=among), {"id": after, "queue": queue})
        if not found:
            return ()
        first = found[0]
        states = states[states.index(State(first["state"])) :]
    rows: list[Row] = []
    for each in states:
        if len(rows) < count:
            rows += await _of_state(tasks, queue, each, count - len(rows), first)
            first = None
    return [_browsed(row) for row in rows]


async def body(tasks: Tasks, queue: str, id: str) -> bytes | None:
    """The body of an unfinished message; None if there is none of that id."""
    rows = await tasks.query(_BODY, {"id": id, "queue": queue})
    return bytes(rows[0]["body"]) if rows else None


async def purge(tasks: Tasks, queue: str, state: str) -> int:
    """Delete the messages of a queue in a state, in steps; returns how many there were."""
    deleted = 0
    for each in _STATES[state]:
        text = _PURGE.format(state=int(each))
        values: dict[str, Any] = {"queue": queue, "count": STEP}
        while (count := await tasks.remove(text, values, queue)) > 0:
            deleted += count
    return deleted


async def _of_state(
    tasks: Tasks, queue: str, state: State, count: int, after: Row | None
) -> list[Row]:
    order, later = _ORDERS[state]
    values: dict[str, Any] = {"queue": queue, "count": count}
    if after is not None:
        values |= {
            name: after[name] for name in ("priority", "place", "seq") if f":{name}" in later
        }
    text = _BROWSE.format(
        source=_PARKED if state is State.PARKED else _MESSAGES,
        state=int(state),
        behind=f"AND {later}" if after is not None else "",
        order=order,
    )
    return await tasks.query(text, values)


def _browsed(row: Row) -> Browsed:
    return Browsed(
        id=row["id"],
        attempt=row["attempt"],
        priority=row["priority"],
        published=row["published"],
        due=from_micros(row["place"]) if row["state"] == State.DELAYED else None,
        parked=row["state"] == State.PARKED,
        size=row["size"],
        headers=decode_headers(row["headers"]),
    )
