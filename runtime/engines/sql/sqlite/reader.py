"""Reader: a thread that answers queries on a connection that cannot write."""

from __future__ import annotations

from queue import Empty
from time import monotonic

from runtime.engines.sql.sqlite.completion import Completion, deliver
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.statement_request import StatementRequest
from runtime.engines.sql.sqlite.work_queue import WorkQueue

BATCH = 32
MAX_WAIT = 0.001
"""Seconds that a result may wait for the next one, so that they wake the loop together."""


def read(connection: ManagedConnection, work_queue: WorkQueue[StatementRequest]) -> None:
    """Serve the queue to its end; any number of readers may share one."""
    items = work_queue.items
    while (request := items.get()) is not None:
        completions: list[Completion] = []
        due = monotonic() + MAX_WAIT
        while request is not None:
            error = connection.reopen_if_failed()
            completions.append(
                request.run_alone(connection) if error is None else request.failed(error)
            )
            if len(completions) == BATCH or monotonic() > due:
                break
            try:
                request = items.get_nowait()
            except Empty:
                break
        deliver(completions)
        if request is None:
            return
