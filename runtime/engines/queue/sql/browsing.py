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

_STATES = {"ready": State.READY, "delayed": State.DELAYED, "running": State.RUNNING}
_ORDERS = {"ready": "priority DESC, place, seq", "delayed": "place, seq", "running": "place, seq"}
_LATER = "(place, seq) > (:place, :seq)"
_BEHIND = {
    "ready": f"AND (priority < :priority OR (priority = :priority AND {_LATER}))",
    "delayed": f"AND {_LATER}",
    "running": f"AND {_LATER}",
}
_BROWSE = """
SELECT id, attempt, priority, published, place, headers, length(body) AS size
FROM $tables.runtime_message WHERE queue = :queue AND state = {state} {behind}
ORDER BY {order} LIMIT :count
"""
_AFTER = """
SELECT priority, place, seq FROM $tables.runtime_message
WHERE id = :id AND queue = :queue AND state = {state}
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
    number, values = int(_STATES[state]), {"queue": queue, "count": count}
    behind = ""
    if after is not None:
        found = await tasks.query(_AFTER.format(state=number), {"id": after, "queue": queue})
        if not found:
            return ()
        behind = _BEHIND[state]
        values |= {name: value for name, value in found[0].items() if f":{name}" in behind}
    text = _BROWSE.format(state=number, behind=behind, order=_ORDERS[state])
    return [_browsed(row, state) for row in await tasks.query(text, values)]


async def body(tasks: Tasks, queue: str, id: str) -> bytes | None:
    """The body of an unfinished message; None if there is none of that id."""
    rows = await tasks.query(_BODY, {"id": id, "queue": queue})
    return bytes(rows[0]["body"]) if rows else None


async def purge(tasks: Tasks, queue: str, state: str) -> int:
    """Delete the messages of a queue in a state, in steps; returns how many there were."""
    states = (State.READY, State.PARKED) if state == "ready" else (_STATES[state],)
    deleted = 0
    for each in states:
        text = _PURGE.format(state=int(each))
        values: dict[str, Any] = {"queue": queue, "count": STEP}
        while (count := await tasks.remove(text, values, queue)) > 0:
            deleted += count
    return deleted


def _browsed(row: Row, state: str) -> Browsed:
    return Browsed(
        id=row["id"],
        attempt=row["attempt"],
        priority=row["priority"],
        published=row["published"],
        due=from_micros(row["place"]) if state == "delayed" else None,
        size=row["size"],
        headers=decode_headers(row["headers"]),
    )
