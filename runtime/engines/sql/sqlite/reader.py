"""Reader: a thread that answers queries on a connection that cannot write."""

from __future__ import annotations

from queue import Empty
from time import monotonic

from runtime.engines.sql.sqlite.completion import Completion, deliver
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.statement_request import StatementRequest
from runtime.engines.sql.sqlite.work_queue import WorkQueue

BATCH = 32
PATIENCE = 0.001
"""Seconds that an answer may wait for the next one, so that they wake the loop together."""


def read(session: ManagedConnection, inbox: WorkQueue[StatementRequest]) -> None:
    """Serve the inbox to its end; any number of readers may share one."""
    items = inbox.items
    while (job := items.get()) is not None:
        outcomes: list[Completion] = []
        due = monotonic() + PATIENCE
        while job is not None:
            fault = session.renew()
            outcomes.append(job.alone(session) if fault is None else job.failed(fault))
            if len(outcomes) == BATCH or monotonic() > due:
                break
            try:
                job = items.get_nowait()
            except Empty:
                break
        deliver(outcomes)
        if job is None:
            return
