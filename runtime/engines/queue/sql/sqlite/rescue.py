"""Rescue: ends leases, and gives back what was held under them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from runtime import failpoint
from runtime.engines.queue.sql.columns import micros
from runtime.engines.queue.sql.sqlite.statements import change_lengths
from runtime.engines.queue.sql.sqlite.tables import has_tables
from runtime.engines.queue.tracked_queue import CANCELLED_FOR


def end_leases(
    connection: sqlite3.Connection, owners: Mapping[int, float], crashed: bool
) -> Sequence[str]:
    """End these leases, unless they were renewed since they were to expire at the given times.

    Their messages are ready again; after a crash the attempt stays spent, and they are suspects.
    Returns the queues that got some.
    """
    with transaction(connection):
        failpoint.point("queue.sweep.before_commit")
        ended = [
            id
            for id, expires in owners.items()
            if connection.execute(
                "DELETE FROM runtime_owner WHERE id = ? AND expires = ?", (id, expires)
            ).rowcount
        ]
        marks = ",".join("?" * len(ended))
        _cancel(connection, ended, marks)
        change = "suspect = suspect + 1" if crashed else "attempt = attempt - 1"
        rows = connection.execute(
            f"UPDATE runtime_message SET state = 0, owner = NULL, progress = NULL, {change} "
            f"WHERE state = 2 AND owner IN ({marks}) RETURNING queue",
            ended,
        ).fetchall()
    failpoint.point("queue.sweep.after_commit")
    return sorted({queue for (queue,) in rows})


def release_all(connection: sqlite3.Connection) -> None:
    """End all leases of a copy that no program uses; their messages are ready again."""
    if not has_tables(connection):
        return
    owners = dict(connection.execute("SELECT id, expires FROM runtime_owner"))
    end_leases(connection, owners, crashed=False)


def _cancel(connection: sqlite3.Connection, owners: Sequence[int], marks: str) -> None:
    """Cancel what they held and was to be cancelled, which is not delivered again: `place` is when
    that was asked for.
    """
    rows = connection.execute(
        "UPDATE runtime_message SET state = 5, owner = NULL, expires = place + ? "
        f"WHERE cancelling = 1 AND state = 2 AND owner IN ({marks}) RETURNING queue",
        (micros(CANCELLED_FOR), *owners),
    ).fetchall()
    change_lengths(connection, ((queue, -1) for (queue,) in rows))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end of the block."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
