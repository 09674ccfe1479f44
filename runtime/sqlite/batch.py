"""Batch: work on the database that many ask for at once, done together in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from runtime.kind import Unavailable
from runtime.sqlite.waiter import Outcome, Waiter, deliver

Work = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
"""Does all items inside the caller's transaction, and answers each in its order.

An answer that is an exception is that item's alone: nothing of it was done. A raised `sqlite3`
error undoes the whole batch, and each item is tried again by itself.
"""


class Part:
    """One item of a batch, on its way to the writer."""

    __slots__ = ("item", "waiter", "work")
    grouped = True

    def __init__(self, work: Work, item: Any, waiter: Waiter) -> None:
        self.work = work
        self.item = item
        self.waiter = waiter

    def attempt(self, connection: sqlite3.Connection) -> Outcome:
        """Do the item alone: in a transaction of its own, or as a step of the one that is open."""
        begin, commit, undo = (
            ("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part")
            if connection.in_transaction
            else ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
        )
        try:
            connection.execute(begin)
            answers = self.work(connection, [self.item])
            connection.execute(commit)
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute(undo)
            return self.waiter, None, unavailable(error)
        return outcome(self.waiter, answers[0])

    def refuse(self, error: Exception) -> None:
        """Answer without having done it."""
        deliver([(self.waiter, None, unavailable(error))])


def unavailable(error: Exception) -> Unavailable:
    """What the asker is told of a fault of the database: it may be well again soon."""
    return Unavailable(f"the database did not take it: {error}")


def together(connection: sqlite3.Connection, parts: Sequence[Part]) -> list[Outcome]:
    """Do the parts inside the open transaction, those of one work as one batch."""
    batches: dict[Work, list[Part]] = {}
    for part in parts:
        batches.setdefault(part.work, []).append(part)
    outcomes = []
    for work, batch in batches.items():
        answers = work(connection, [part.item for part in batch])
        outcomes += [
            outcome(part.waiter, answer) for part, answer in zip(batch, answers, strict=True)
        ]
    return outcomes


def outcome(waiter: Waiter, answer: Any) -> Outcome:
    """An answer as the outcome of whoever waits for it."""
    if isinstance(answer, Exception):
        return waiter, None, answer
    return waiter, answer, None
