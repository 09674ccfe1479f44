"""Random histories of claims within partitions, beside a model that looks at all messages."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass

import pytest

from runtime.engines.queue.limits import Limits
from runtime.engines.queue.message import Message
from runtime.engines.queue.partitions import Partitions
from runtime.engines.queue.sql import slots
from runtime.engines.queue.sql.columns import micros
from runtime.engines.queue.sql.operations import Ack, Claim, Publish, Release, Retry
from runtime.engines.queue.sql.sqlite import limiting
from runtime.engines.queue.sql.sqlite.limiting import Limiting
from runtime.engines.queue.sql.sqlite.settling import Settling
from runtime.engines.queue.sql.sqlite.statements import Statements
from runtime.engines.queue.sql.sqlite.tables import prepare

QUEUE, OWNER, STEPS = "tasks", 1, 300
CRASH = """
UPDATE runtime_message SET state = 0, owner = NULL, suspect = suspect + 1 WHERE seq = ?
"""


@dataclass
class Task:
    """A message as the model has it."""

    seq: int
    key: str | None
    priority: int
    place: int
    token: int = 0
    running: bool = False
    delayed: bool = False
    suspect: bool = False

    @property
    def order(self) -> tuple[int, int, int]:
        return (-self.priority, self.place, self.seq)


class History:
    def __init__(self, connection: sqlite3.Connection, seed: int) -> None:
        self.connection = connection
        self.chance = random.Random(seed)
        self.now = 1_000_000
        self.statements = Statements(self.time)
        self.settling = Settling(self.time)
        self.limiting = Limiting(self.time)
        self.tasks: dict[int, Task] = {}
        self.per_key = 1

    def time(self) -> float:
        return self.now / 1_000_000

    def step(self) -> None:
        self.now += 1
        running = [task for task in self.tasks.values() if task.running]
        waiting = [task for task in self.tasks.values() if not task.running]
        choice = self.chance.random()
        if choice < 0.35:
            self.publish()
        elif choice < 0.65:
            self.claim()
        elif choice < 0.7:
            self.promote()
        elif choice < 0.72:
            self.per_key = self.chance.randint(1, 3)
        elif choice < 0.74 and waiting:
            self.forget(self.chance.choice(waiting))
        elif running:
            self.end(self.chance.choice(running))

    def publish(self) -> None:
        key = self.chance.choice(["a", "a", "a", "b", "c", None])
        body = b"null" if key is None else f'"{key}"'.encode()
        priority = self.chance.choice([0, 0, 0, 5, -5])
        message = Message(str(self.now), body, priority=priority)
        self.statements.publish(self.connection, [Publish(QUEUE, message, 0.0, None)])
        ((seq,),) = self.connection.execute("SELECT max(seq) FROM runtime_message")
        self.tasks[seq] = Task(seq, key, priority, self.place(seq))

    def claim(self) -> None:
        count, alone = self.chance.randint(1, 3), not any(t.running for t in self.tasks.values())
        limits = Limits(consumer="app:c", partitions=Partitions(by="body", per_key=self.per_key))
        expected = self.expected(count, alone)
        found: list[int] = []
        for _ in range(100):  # a claim that had to look at too much goes on
            item = Claim(QUEUE, OWNER, count - len(found), alone and not found, limits)
            (claimed,) = self.limiting.claim(self.connection, [item])
            for seq, message in claimed.messages:
                self.tasks[seq].running, self.tasks[seq].token = True, message.token
                found.append(seq)
            if claimed.wait is None or len(found) == count:
                break
        assert found == expected

    def expected(self, count: int, alone: bool) -> list[int]:
        """The numbers of the messages that a claim has to give."""
        running = [task.key for task in self.tasks.values() if task.running]
        found: list[int] = []
        for task in sorted(self.tasks.values(), key=lambda task: task.order):
            if task.running or task.delayed:
                continue
            if task.key is not None and running.count(task.key) >= self.per_key:
                continue
            if task.suspect:
                return [task.seq] if alone and not found else found
            found.append(task.seq)
            running.append(task.key)
            if len(found) == count:
                break
        return found

    def end(self, task: Task) -> None:
        match self.chance.choice(["ack", "ack", "retry", "later", "release", "crash"]):
            case "ack":
                item: Ack | Retry | Release = Ack(task.seq, task.token)
                del self.tasks[task.seq]
            case "retry":
                item = Retry(task.seq, task.token, 0.0)
                task.running, task.suspect = False, False
            case "later":
                item = Retry(task.seq, task.token, 0.00001)
                task.running, task.suspect, task.delayed = False, False, True
            case "release":
                item = Release(task.seq, task.token)
                task.running = False
            case _:
                self.connection.execute(CRASH, (task.seq,))
                task.running, task.suspect = False, True
                return
        self.settle(item)
        if isinstance(item, Retry):
            task.place = self.place(task.seq)

    def settle(self, item: Ack | Retry | Release) -> None:
        assert self.settling.settle(self.connection, [item]) == [None]

    def place(self, seq: int) -> int:
        """Of a message in the database, whose clock rounds."""
        query = "SELECT place FROM runtime_message WHERE seq = ?"
        place: int = self.connection.execute(query, (seq,)).fetchone()[0]
        return place

    def promote(self) -> None:
        self.statements.promote(self.connection, [None])
        for task in self.tasks.values():
            if task.delayed and task.place <= micros(self.time()):
                task.delayed = False

    def forget(self, task: Task) -> None:
        """Delete a message that waits, as whoever cancels it does."""
        self.connection.execute("DELETE FROM runtime_message WHERE seq = ?", (task.seq,))
        del self.tasks[task.seq]


@pytest.mark.parametrize("most", [2, 500])
@pytest.mark.parametrize("seed", range(40))
def test_a_claim_gives_what_comes_first_of_what_may_run(
    monkeypatch: pytest.MonkeyPatch, seed: int, most: int
) -> None:
    for module in slots, limiting:
        monkeypatch.setattr(module, "MOST_PARKED", most)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        prepare(connection, "a")
        connection.execute("INSERT INTO runtime_owner VALUES (?, '', '', '', 0)", (OWNER,))
        history = History(connection, seed)
        for _ in range(STEPS):
            history.step()
        history.per_key = 1000
        for task in [*history.tasks.values()]:
            if task.running:
                history.end(task)
        history.now += 100
        history.promote()
        while any(not task.running for task in history.tasks.values()):
            history.claim()
            for task in [*history.tasks.values()]:
                if task.running:
                    history.settle(Ack(task.seq, task.token))
                    del history.tasks[task.seq]

        assert connection.execute("SELECT count(*) FROM runtime_message").fetchone() == (0,)
