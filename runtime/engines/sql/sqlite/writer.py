"""Writer: the thread that changes the database, many statements to a commit. What is small, the
event loop may do in its place: see `write_queue`.

Statements that are queued together share a transaction and its one sync to disk. The result is as
if each ran alone, because SQLite undoes only the failed statement. If it undoes more, or the commit
fails, nothing of the group is in the file, and each statement is run again by itself. Only after a
disk error is nothing run again: then nobody knows what is in the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import nullcontext
from queue import SimpleQueue

from runtime.engines.sql.contract import DatabaseClosed, Uncertain
from runtime.engines.sql.sqlite.batch import BatchItem, run_batches
from runtime.engines.sql.sqlite.completion import Completion, ThreadFuture, deliver
from runtime.engines.sql.sqlite.compound import CompoundRequest
from runtime.engines.sql.sqlite.errors import FileLost
from runtime.engines.sql.sqlite.loop_access import LoopAccess
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.statement_request import StatementRequest
from runtime.engines.sql.sqlite.work_queue import WorkQueue
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction

GROUP = 256
"""The most statements to a commit: beyond it nothing is gained, and each waits longer."""


class FileCheck:
    """Queued so that the writer looks if its file is still there."""

    def run_alone(self, connection: ManagedConnection) -> Completion:
        """Do nothing: the file is checked after all work."""
        return ThreadFuture(), None, None

    def refuse(self, error: Exception) -> None:
        """Nobody waits for it."""


Grouped = StatementRequest | CompoundRequest | BatchItem
Item = Grouped | WriterTransaction | FileCheck


def write(
    connection: ManagedConnection, work_queue: WorkQueue[Item], access: LoopAccess | None = None
) -> None:
    """Serve the queue to its end, on a connection in autocommit mode.

    With `access`, the event loop may use the connection while the queue is empty.
    """
    items = work_queue.items
    if access is not None:
        access.open(connection, items)
    usage = access or nullcontext()
    ended = False
    while not ended:
        first = items.get()
        with usage:
            group, single, ended = _collect(first, items)
            if single is None:
                group = [*work_queue.take_deferred(), *group]  # type: ignore[list-item]
            completions = _work(connection, group, single, work_queue)
            if access is not None and single is not None:
                access.review()
        work_queue.deliver(
            completions
        )  # only now, so that the loop may write what is asked for next


def _work(
    connection: ManagedConnection,
    group: list[Grouped],
    single: Item | None,
    work_queue: WorkQueue[Item],
) -> list[Completion]:
    """Run a group, and an item alone after it; return what is still to be delivered."""
    completions: list[Completion] = []
    try:
        if (failure := connection.reopen_if_failed()) is not None:
            _refuse(group, single, failure)
            return []
        if group:
            completions = _run_group(connection, group, work_queue)
            connection.check_file()
        if single is not None:
            deliver(completions)
            completions = []
        if isinstance(single, WriterTransaction):
            single.serve(connection)
        elif single is not None:
            completions = [single.run_alone(connection)]
            connection.check_file()
    except FileLost as error:
        _refuse(group, single, error)
        raise
    except BaseException as error:  # the thread ends with it; no caller may wait for ever
        _refuse(group, single, DatabaseClosed(f"the writer failed: {error}"))
        raise
    return completions


def _refuse(group: Sequence[Grouped], single: Item | None, error: Exception) -> None:
    for request in group:
        request.refuse(error)
    if single is not None:
        single.refuse(error)


def _collect(
    item: Item | None, items: SimpleQueue[Item | None]
) -> tuple[list[Grouped], Item | None, bool]:
    """Take all that is queued from this item on: a group, an item to be run alone after it, and if
    it is the end."""
    group: list[Grouped] = []
    while True:
        if item is None:
            return group, None, True
        if isinstance(item, WriterTransaction | FileCheck) or not item.grouped:
            return group, item, False
        group.append(item)
        if len(group) == GROUP or items.empty():
            return group, None, False
        item = items.get()


def _run_group(
    connection: ManagedConnection, group: list[Grouped], work_queue: WorkQueue[Item]
) -> list[Completion]:
    if len(group) == 1:
        return [group[0].run_alone(connection)]
    try:
        connection.begin(group[-1].requested_at, group[0].requested_at)
    except sqlite3.Error as error:  # trying each alone would fail the same way
        reason = work_queue.closed_error() if work_queue.abandoned else error
        return [request.failed(reason) for request in group]
    completions: list[Completion] = []
    for request in group:
        if isinstance(request, BatchItem):
            continue  # after the statements, in batches
        completions.append(request.run_in_transaction(connection))
        if work_queue.abandoned or not connection.raw.in_transaction:
            break
    if work_queue.abandoned:
        connection.rollback()
        return [(request.future, None, work_queue.closed_error()) for request in group]
    if connection.failure is None and _run_batch_items(connection, group, completions):
        try:
            connection.commit(len(group))
        except Uncertain as error:
            return [request.failed(error) for request in group]
        except sqlite3.Error:
            pass
        else:
            return completions
    connection.rollback()
    return [
        request.run_alone(connection)
        if connection.failure is None
        else request.failed(connection.failure)
        for request in group
    ]


def _run_batch_items(
    connection: ManagedConnection, group: list[Grouped], completions: list[Completion]
) -> bool:
    """Add the completions of the batch items; False if the whole group has to be rolled back."""
    if not connection.raw.in_transaction:
        return False
    items = [request for request in group if isinstance(request, BatchItem)]
    try:
        # Told first, so that the tasks that a statement wakes find what was claimed for them.
        completions[:0] = run_batches(connection.raw, items)
    except sqlite3.Error as error:
        connection.record_error(error)
        return False
    return True
