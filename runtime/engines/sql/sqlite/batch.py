"""Batch: work that many callers ask of the database at once, done together in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from runtime.engines.sql.contract import Step, Uncertain
from runtime.engines.sql.sqlite.completion import Completion, ResultFuture, deliver
from runtime.engines.sql.sqlite.errors import as_unavailable
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection

BatchFunction = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
"""Does all items inside the caller's transaction, and returns an answer for each, in their order.

An answer that is an exception concerns its item only: nothing was done for it. A raised `sqlite3`
error rolls back the whole batch, and each item is tried again by itself.
"""


def run_steps(connection: sqlite3.Connection, steps: Sequence[Step]) -> Sequence[Any]:
    """The batch function of steps, which others run inside a transaction."""
    return [step(connection) for step in steps]


class BatchItem:
    """One item of a batch, queued for the writer."""

    __slots__ = ("function", "future", "item", "key", "requested_at")
    grouped = True

    def __init__(self, function: BatchFunction, item: Any, future: ResultFuture) -> None:
        self.function = self.key = function
        self.item = item
        self.future = future
        self.requested_at = monotonic()

    def is_small(self, connection: object) -> bool:
        """True: what a function does with one item is small, as a rule."""
        return True

    def run_in_transaction(self, connection: ManagedConnection) -> Completion:
        """Do the item as a step of the open transaction, which goes on if the step fails."""
        raw = connection.raw
        try:
            raw.execute("SAVEPOINT part")
            answers = self.function(raw, [self.item])
            raw.execute("RELEASE part")
        except Exception as error:
            connection.record_error(error)
            if raw.in_transaction:
                raw.execute("ROLLBACK TO part")
            if not isinstance(error, sqlite3.Error):
                return self.future, None, error.with_traceback(None)
            return self.failed(error)
        return completion(self.future, answers[0])

    def run_alone(self, connection: ManagedConnection) -> Completion:
        """Do the item in a transaction of its own."""
        try:
            connection.begin(self.requested_at)
            answers = self.function(connection.raw, [self.item])
            connection.commit(1)
        except (sqlite3.Error, Uncertain) as error:
            connection.rollback(error)
            return self.failed(error)
        return completion(self.future, answers[0])

    def failed(self, error: Exception) -> Completion:
        """The completion for an error that other items may have as well."""
        return self.future, None, as_unavailable(error)

    def refuse(self, error: Exception) -> None:
        """Settle the future without doing the item."""
        deliver([self.failed(error)])


def run_batches(connection: sqlite3.Connection, items: Sequence[BatchItem]) -> list[Completion]:
    """Do the items inside the open transaction, those of one function as one batch."""
    batches: dict[BatchFunction, list[BatchItem]] = {}
    for item in items:
        batches.setdefault(item.function, []).append(item)
    completions = []
    for function, batch in batches.items():
        answers = function(connection, [item.item for item in batch])
        completions += [
            completion(item.future, answer) for item, answer in zip(batch, answers, strict=True)
        ]
    return completions


def completion(future: ResultFuture, answer: Any) -> Completion:
    """The completion for an answer, which may be an exception."""
    if isinstance(answer, Exception):
        return future, None, answer
    return future, answer, None
