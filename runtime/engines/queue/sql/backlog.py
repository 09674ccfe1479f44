"""Backlog: the lengths of a queue by index seeks, and by the length that its publishers go by.

With 1,000,000 ready rows it takes 0.3 ms; to count the states of all takes 600 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.engines.queue.backlog import MOST, Backlog

_SOME = f"LIMIT {MOST + 1}"
BACKLOG = f"""
SELECT ($length) AS length, $now - (
    WITH RECURSIVE level(priority) AS (
        SELECT max(priority) FROM $tables.runtime_message WHERE queue = :queue AND state = 0
        UNION ALL
        SELECT (SELECT max(m.priority) FROM $tables.runtime_message m
            WHERE m.queue = :queue AND m.state = 0 AND m.priority < level.priority)
        FROM level WHERE level.priority IS NOT NULL
    )
    SELECT min((SELECT m.place FROM $tables.runtime_message m
        WHERE m.queue = :queue AND m.state = 0 AND m.priority = level.priority
        ORDER BY m.place LIMIT 1))
    FROM level
) AS oldest, (
    SELECT count(*) FROM (
        SELECT queue FROM $tables.runtime_message WHERE state = 1 ORDER BY place {_SOME}
    ) AS counted WHERE queue = :queue
) AS delayed, (
    SELECT count(*) FROM (
        SELECT 1 FROM $tables.runtime_message WHERE state = 1 ORDER BY place {_SOME}
    ) AS counted
) AS all_delayed, (
    SELECT count(*) FROM (
        SELECT queue FROM $tables.runtime_message WHERE state = 2 ORDER BY owner {_SOME}
    ) AS counted WHERE queue = :queue
) AS in_flight, (
    SELECT count(*) FROM $tables.runtime_message WHERE queue = :queue AND state = 3
) AS dead
"""
"""`$length` is the statement for the number of unfinished messages, PARKED ones too."""


def backlog_of(row: Mapping[str, Any]) -> Backlog:
    """The backlog by a row of the statement."""
    delayed, running = row["delayed"], row["in_flight"]
    oldest = row["oldest"]
    return Backlog(
        # With too many delayed ones, of any queue, some of these may be among the ready.
        ready=max(0, int(row["length"] or 0) - delayed - running),
        dead=row["dead"],
        delayed=min(delayed, MOST),
        in_flight=running,
        oldest=None if oldest is None else max(0.0, oldest / 1e6),
        capped=row["all_delayed"] > MOST,
    )
