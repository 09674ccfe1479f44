"""A model in Python of the durable store, its messages and the programs that work on it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import (
    Ack,
    Bury,
    Cancel,
    Done,
    Publish,
    Release,
    Retry,
)
from runtime.engines.queue.sql.sqlite import lease
from runtime.engines.queue.sql.sqlite.lease import Lease
from runtime.engines.queue.sql.sqlite.liveness import ProcessIdentity
from runtime.engines.queue.sql.sqlite.settling import Settling
from runtime.engines.queue.sql.sqlite.statements import Statements
from runtime.engines.queue.tracked_queue import CANCELLED_FOR

READY, DELAYED, RUNNING, DEAD, DONE, CANCELLED = range(6)
QUEUES = ("tasks", "mails")
LEASE = 10.0
KEEP = 5.0
"""Seconds for which a finished message is kept."""
DIED_IN = "app:tasks"
ENDED_PROCESS = f"{ProcessIdentity.current().name.split()[0]} {2**22 + 1} 1"
"""The name of a process with a pid above all that Linux gives out."""


@dataclass
class Row:
    """A message as the model has it."""

    seq: int
    id: str
    queue: str
    state: int
    place: int
    priority: int
    key: str | None
    attempt: int = 0
    token: int = 0
    owner: int | None = None
    suspect: int = 0
    headers: str = ""
    died_in: str | None = None
    cancelling: int = 0
    expires: int | None = None

    @property
    def order(self) -> tuple[int, int, int]:
        return (-self.priority, self.place, self.seq)


@dataclass
class Owner:
    """A program with a lease; `ended` if others ended that, which it may not know yet."""

    lease: Lease
    id: int
    expires: float
    ended: bool = False


@dataclass
class Clocks:
    """`wall` may be set by anybody, `boot` only goes forward."""

    wall: float = 1_000_000.0
    boot: float = 5000.0


@dataclass
class Delivery:
    seq: int
    token: int
    message: Message = field(repr=False)


class Kept(sqlite3.Connection):
    """One database in memory for all: closing it is for the end."""

    def close(self) -> None:
        pass


def micros(seconds: float) -> int:
    return int(seconds * 1_000_000)


class Model:
    """The rows as they should be, beside the database where they are."""

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.clocks = Clocks()
        self.patch.setattr(lease, "clock", lambda: self.clocks.boot)
        self.connection = sqlite3.connect(":memory:", isolation_level=None, factory=Kept)
        self.rows: dict[int, Row] = {}
        self.owners: list[Owner] = []
        self.killed: list[Owner] = []
        self.deliveries: list[Delivery] = []
        self.numbers = itertools.count(1)
        self.owner_numbers = itertools.count(1)
        self.last_seq = 0
        self.accepted: set[str] = set()
        self.forgotten: set[str] = set()
        self.tokens: set[tuple[int, int]] = set()
        self.statements = Statements(lambda: self.clocks.wall)
        self.settling = Settling(lambda: self.clocks.wall)

    def close(self) -> None:
        self.patch.undo()
        sqlite3.Connection.close(self.connection)

    def rescued(self, checking: Owner) -> list[str]:
        """Make messages of dead and late owners suspects. Returns the queues that got some."""
        queues = set()
        for owner in self.late() + self.killed:
            if owner is checking:
                continue
            owner.ended = True
            for row in self.held_by(owner.id):
                row.owner = None
                if row.cancelling:
                    self.cancelled(row)
                else:
                    row.state, row.suspect = READY, row.suspect + 1
                    queues.add(row.queue)
        self.killed.clear()
        return sorted(queues)

    def commit(self, work: Callable[..., Any], items: Sequence[Any]) -> Any:
        self.connection.execute("BEGIN IMMEDIATE")
        answers = work(self.connection, items)
        self.connection.execute("COMMIT")
        return answers

    def undo(self, work: Callable[..., Any], items: Sequence[Any]) -> None:
        """Do all of it, and roll it back."""
        self.connection.execute("BEGIN IMMEDIATE")
        work(self.connection, items)
        self.connection.execute("ROLLBACK")

    def ask(self, statement: str, **values: Any) -> bool:
        """Run a statement about a task. True if it changed a row."""
        now = str(micros(self.clocks.wall))
        text = statement.replace("$tables", "main").replace("$now", now)
        return bool(self.connection.execute(text, values).fetchall())

    def in_state(self, state: int) -> list[Row]:
        return [row for row in self.rows.values() if row.state == state]

    def late(self) -> list[Owner]:
        """Owners whose lease expired, and nobody saw it yet."""
        return [
            owner for owner in self.owners if not owner.ended and owner.expires < self.clocks.boot
        ]

    def due_to_renew(self, owner: Owner) -> bool:
        return owner.ended or owner.expires < self.clocks.boot + LEASE * 2 / 3

    def live(self) -> list[Delivery]:
        """Deliveries that may still be settled."""
        return [
            delivery
            for delivery in self.deliveries
            if (row := self.rows.get(delivery.seq)) is not None
            and (row.state, row.token) == (RUNNING, delivery.token)
        ]

    def counted(self, queue: str) -> list[Row]:
        return [row for row in self.rows.values() if row.queue == queue and row.state < DEAD]

    def holders(self, queue: str, key: str | None, counts_running: bool) -> list[str]:
        """The ids of the messages that have a unique key, the oldest first."""
        states = (READY, DELAYED, RUNNING) if counts_running else (READY, DELAYED)
        rows = [row for row in self.counted(queue) if row.state in states]
        return [row.id for row in sorted(rows, key=lambda row: row.seq) if key and row.key == key]

    def held_by(self, owner: int) -> list[Row]:
        return [row for row in self.in_state(RUNNING) if row.owner == owner]

    def add(self, item: Publish) -> None:
        self.last_seq += 1
        message = item.message
        state = DELAYED if item.delay else READY
        self.rows[self.last_seq] = Row(
            self.last_seq,
            message.id,
            item.queue,
            state,
            micros(self.clocks.wall + item.delay),
            message.priority,
            message.unique,
        )
        self.accepted.add(message.id)

    def forget(self, row: Row) -> None:
        del self.rows[row.seq]
        self.forgotten.add(row.id)

    def request(self, delivery: Delivery, how: str) -> Any:
        match how:
            case "ack":
                return Ack(delivery.seq, delivery.token)
            case "finish":
                return Done(delivery.seq, delivery.token, KEEP, b"1")
            case "cancel":
                return Cancel(delivery.seq, delivery.token, CANCELLED_FOR)
            case "release":
                return Release(delivery.seq, delivery.token)
            case "retry" | "retry later":
                return Retry(delivery.seq, delivery.token, 2.5 if how == "retry later" else 0.0)
        to = "mails" if how == "bury to mails" else None
        return Bury(delivery.seq, delivery.token, {"x": "why"}, to, DIED_IN)

    def settled(self, row: Row, how: str) -> None:
        now = micros(self.clocks.wall)
        row.owner = None
        match how:
            case "finish":
                row.state, row.place = DONE, now
                row.expires = micros(self.clocks.wall + KEEP)
            case "ack":
                self.forget(row)
            case "cancel" | "release" | "retry" | "retry later" if (
                row.cancelling or how == "cancel"
            ):
                row.place = now
                self.cancelled(row)
            case "release":
                row.state, row.attempt = READY, row.attempt - 1
            case "retry":
                row.state, row.place, row.suspect = READY, now, 0
            case "retry later":
                row.state, row.suspect = DELAYED, 0
                row.place = micros(self.clocks.wall + 2.5)
            case "bury":
                row.state, row.place, row.headers = DEAD, now, '{"x": "why"}'
                row.cancelling = 0
                row.died_in = DIED_IN
            case "bury to mails":
                row.state, row.place, row.headers = READY, now, '{"x": "why"}'
                row.cancelling = 0
                row.queue, row.attempt, row.suspect, row.key = "mails", 0, 0, None
                row.died_in = DIED_IN

    def cancelled(self, row: Row) -> None:
        row.state, row.expires = CANCELLED, row.place + micros(CANCELLED_FOR)

    def settle_some(self, asked: Sequence[tuple[Delivery, str]], undone: bool) -> None:
        items = [self.request(delivery, how) for delivery, how in asked]
        work = self.settling.settle
        if undone:
            return self.undo(work, items)
        answers = self.commit(work, items)
        for (delivery, how), answer in zip(asked, answers, strict=True):
            row = self.rows.get(delivery.seq)
            if row is None or row.state != RUNNING or row.token != delivery.token:
                assert isinstance(answer, NotHeld)
            else:
                assert answer is None
                self.settled(row, how)
