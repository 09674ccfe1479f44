"""Batch: work on the database that many ask for at once, done together in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from runtime.engines.sql.contract import Step
from runtime.engines.sql.sqlite.completion import Completion, ResultFuture, deliver
from runtime.engines.sql.sqlite.errors import Uncertain, unavailable
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection

BatchFunction = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
"""Does all items inside the caller's transaction, and answers each in its order.

An answer that is an exception is that item's alone: nothing of it was done. A raised `sqlite3`
error undoes the whole batch, and each item is tried again by itself.
"""


def run_steps(connection: sqlite3.Connection, steps: Sequence[Step]) -> Sequence[Any]:
    """The batch function of a transaction's steps."""
    return [step(connection) for step in steps]


class BatchItem:
    """One item of a batch, on its way to the writer."""

    __slots__ = ("asked", "item", "waiter", "work")
    grouped = True

    def __init__(self, work: BatchFunction, item: Any, waiter: ResultFuture) -> None:
        self.work = work
        self.item = item
        self.waiter = waiter
        self.asked = monotonic()

    def attempt(self, session: ManagedConnection) -> Completion:
        """Do the item as a step of a transaction that goes on if it fails."""
        connection = session.connection
        try:
            connection.execute("SAVEPOINT part")
            answers = self.work(connection, [self.item])
            connection.execute("RELEASE part")
        except Exception as error:
            session.note(error)
            if connection.in_transaction:
                connection.execute("ROLLBACK TO part")
            if not isinstance(error, sqlite3.Error):
                return self.waiter, None, error.with_traceback(None)
            return self.failed(error)
        return outcome(self.waiter, answers[0])

    def alone(self, session: ManagedConnection) -> Completion:
        """Do the item in a transaction of its own."""
        try:
            session.begin(self.asked)
            answers = self.work(session.connection, [self.item])
            session.commit()
        except (sqlite3.Error, Uncertain) as error:
            session.undo(error)
            return self.failed(error)
        return outcome(self.waiter, answers[0])

    def failed(self, error: Exception) -> Completion:
        """The outcome of an error that others may have as well."""
        return self.waiter, None, unavailable(error)

    def refuse(self, error: Exception) -> None:
        """Answer without having done it."""
        deliver([self.failed(error)])


def together(connection: sqlite3.Connection, parts: Sequence[BatchItem]) -> list[Completion]:
    """Do the parts inside the open transaction, those of one work as one batch."""
    batches: dict[BatchFunction, list[BatchItem]] = {}
    for part in parts:
        batches.setdefault(part.work, []).append(part)
    outcomes = []
    for work, batch in batches.items():
        answers = work(connection, [part.item for part in batch])
        outcomes += [
            outcome(part.waiter, answer) for part, answer in zip(batch, answers, strict=True)
        ]
    return outcomes


def outcome(waiter: ResultFuture, answer: Any) -> Completion:
    """An answer as the outcome of whoever waits for it."""
    if isinstance(answer, Exception):
        return waiter, None, answer
    return waiter, answer, None
