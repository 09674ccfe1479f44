"""Writer: the one thread that changes the database, many statements to a commit.

Statements that wait together share a transaction and its one sync to disk. That is as if each ran
alone, because SQLite undoes just the failed statement; when it undoes more, or the commit fails,
nothing of the group is in the file, and each statement is run again by itself.
"""

from __future__ import annotations

import sqlite3

from runtime.sqlite.batch import Part, together, unavailable
from runtime.sqlite.fault import DatabaseClosed, explained, shared
from runtime.sqlite.hold import Hold
from runtime.sqlite.inbox import Inbox
from runtime.sqlite.job import Job
from runtime.sqlite.waiter import Outcome, deliver

GROUP = 256
"""The most statements to a commit: beyond it nothing is gained, and each waits longer."""


Grouped = Job | Part
Item = Grouped | Hold


def write(connection: sqlite3.Connection, inbox: Inbox[Item]) -> None:
    """Serve the inbox to its end, on a connection in autocommit mode."""
    ended = False
    while not ended:
        group, single, ended = _collect(inbox)
        try:
            if group:
                deliver(_together(connection, group, inbox))
            if isinstance(single, Hold):
                single.serve(connection)
            elif single is not None:
                deliver([_alone(connection, single)])
        except BaseException as error:  # the thread dies of it; nobody may wait for it for ever
            for item in (*group, single):
                if item is not None:
                    item.refuse(DatabaseClosed(f"the writer failed: {error}"))
            raise


def _collect(inbox: Inbox[Item]) -> tuple[list[Grouped], Item | None, bool]:
    """What waits now: statements for one group, what must run alone after them, and the end."""
    items = inbox.items
    group: list[Grouped] = []
    while True:
        item = items.get()
        if item is None:
            return group, None, True
        if isinstance(item, Hold) or not item.grouped:
            return group, item, False
        group.append(item)
        if len(group) == GROUP or items.empty():
            return group, None, False


def _together(
    connection: sqlite3.Connection, group: list[Grouped], inbox: Inbox[Item]
) -> list[Outcome]:
    if len(group) == 1:
        return [_alone(connection, group[0])]
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:  # locked for longer than the busy time-out: no use to go on
        return [_unbegun(job, error) for job in group]
    outcomes: list[Outcome] = []
    for job in group:
        if isinstance(job, Part):
            continue  # after the statements, in batches
        outcomes.append(job.attempt(connection))
        if inbox.abandoned or not connection.in_transaction:
            break
    if inbox.abandoned:
        _roll_back(connection)
        return [(job.waiter, None, inbox.closed()) for job in group]
    if _batched(connection, group, outcomes) and _committed(connection):
        return outcomes
    return [_alone(connection, job) for job in group]


def _unbegun(job: Grouped, error: sqlite3.Error) -> Outcome:
    return (
        job.waiter,
        None,
        unavailable(error) if isinstance(job, Part) else shared(error, job.text),
    )


def _batched(connection: sqlite3.Connection, group: list[Grouped], outcomes: list[Outcome]) -> bool:
    """Add what came of the parts; False if all of the group has to be undone, which then is."""
    parts = [part for part in group if isinstance(part, Part)]
    if not parts or not connection.in_transaction:
        return True
    try:
        outcomes += together(connection, parts)
    except sqlite3.Error:
        _roll_back(connection)
        return False
    return True


def _committed(connection: sqlite3.Connection) -> bool:
    """Commit the open transaction, if it still is; afterwards there is none, either way."""
    if not connection.in_transaction:
        return False
    try:
        connection.execute("COMMIT")
    except sqlite3.Error:
        _roll_back(connection)
        return False
    return True


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _alone(connection: sqlite3.Connection, job: Grouped) -> Outcome:
    outcome = job.attempt(connection)
    if isinstance(job, Part) or not connection.in_transaction:
        return outcome
    connection.execute("ROLLBACK")
    error = RuntimeError("the statement left a transaction open, which was rolled back")
    return job.waiter, None, explained(error, job.text)
