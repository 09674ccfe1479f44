"""Writer: the one thread that changes the database, many statements to a commit.

Statements that wait together share a transaction and its one sync to disk. That is as if each ran
alone, because SQLite undoes just the failed statement; when it undoes more, or the commit fails,
nothing of the group is in the file, and each statement is run again by itself. Only if the disk
failed is nothing run again: then nobody knows what is in the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from runtime.engines.sql.contract import DatabaseClosed
from runtime.engines.sql.sqlite.batch import BatchItem, together
from runtime.engines.sql.sqlite.completion import Completion, deliver
from runtime.engines.sql.sqlite.errors import FileLost, Uncertain
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.statement_request import StatementRequest
from runtime.engines.sql.sqlite.work_queue import WorkQueue
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction

GROUP = 256
"""The most statements to a commit: beyond it nothing is gained, and each waits longer."""


Grouped = StatementRequest | BatchItem
Item = Grouped | WriterTransaction


def write(session: ManagedConnection, inbox: WorkQueue[Item]) -> None:
    """Serve the inbox to its end, on a connection in autocommit mode."""
    ended = False
    while not ended:
        group, single, ended = _collect(inbox)
        try:
            if (fault := session.renew()) is not None:
                _refuse(group, single, fault)
                continue
            if group:
                _tell(session, _together(session, group, inbox))
            if isinstance(single, WriterTransaction):
                single.serve(session)
            elif single is not None:
                _tell(session, [single.alone(session)])
        except FileLost as error:
            _refuse(group, single, error)
            raise
        except BaseException as error:  # the thread dies of it; nobody may wait for it for ever
            _refuse(group, single, DatabaseClosed(f"the writer failed: {error}"))
            raise


def _tell(session: ManagedConnection, outcomes: list[Completion]) -> None:
    session.see_file()
    deliver(outcomes)


def _refuse(group: Sequence[Grouped], single: Item | None, error: Exception) -> None:
    for item in group:
        item.refuse(error)
    if single is not None:
        single.refuse(error)


def _collect(inbox: WorkQueue[Item]) -> tuple[list[Grouped], Item | None, bool]:
    """What waits now: statements for one group, what must run alone after them, and the end."""
    items = inbox.items
    group: list[Grouped] = []
    while True:
        item = items.get()
        if item is None:
            return group, None, True
        if isinstance(item, WriterTransaction) or not item.grouped:
            return group, item, False
        group.append(item)
        if len(group) == GROUP or items.empty():
            return group, None, False


def _together(
    session: ManagedConnection, group: list[Grouped], inbox: WorkQueue[Item]
) -> list[Completion]:
    if len(group) == 1:
        return [group[0].alone(session)]
    try:
        session.begin(group[-1].asked)
    except sqlite3.Error as error:  # no use to try with each
        reason = inbox.closed() if inbox.abandoned else error
        return [job.failed(reason) for job in group]
    outcomes: list[Completion] = []
    for job in group:
        if isinstance(job, BatchItem):
            continue  # after the statements, in batches
        outcomes.append(job.attempt(session))
        if inbox.abandoned or not session.connection.in_transaction:
            break
    if inbox.abandoned:
        session.undo()
        return [(job.waiter, None, inbox.closed()) for job in group]
    if session.fault is None and _batched(session, group, outcomes):
        try:
            session.commit()
        except Uncertain as error:
            return [job.failed(error) for job in group]
        except sqlite3.Error:
            pass
        else:
            return outcomes
    session.undo()
    return [
        job.alone(session) if session.fault is None else job.failed(session.fault) for job in group
    ]


def _batched(session: ManagedConnection, group: list[Grouped], outcomes: list[Completion]) -> bool:
    """Add what came of the parts; False if all of the group has to be undone."""
    if not session.connection.in_transaction:
        return False
    parts = [part for part in group if isinstance(part, BatchItem)]
    try:
        outcomes += together(session.connection, parts)
    except sqlite3.Error as error:
        session.note(error)
        return False
    return True
