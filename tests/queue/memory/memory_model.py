"""A model in Python of a memory queue, its messages and those who wait for them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from runtime.engines.queue import settlement
from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.engines.queue.memory.subscription import MemorySubscription
from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import Reason
from tests.queue.histories import LIMIT
from tests.support.clock import FakeClock

DIED_IN = "app:tasks"
LATER = 2.5
MOMENT = 2**-10  # sums of it are exact


@dataclass(eq=False)
class Row:
    """A message as the model has it."""

    id: str
    priority: int
    key: str | None
    attempt: int = 0
    due: float = 0.0
    order: int = 0
    """The order of those that have one key."""


@dataclass(eq=False)
class Wait:
    task: asyncio.Task[Message]
    subscription: MemorySubscription


class Model:
    """The messages as they should be, beside the queue where they are."""

    def __init__(self) -> None:
        self.fake = FakeClock()
        self.runner = asyncio.Runner()
        self.queue = MemoryQueue("tasks", LIMIT, self.fake.clock)
        self.other = MemoryQueue("other", LIMIT, self.fake.clock)
        self.subscriptions = [self.queue.subscribe(1), self.queue.subscribe(1)]
        self.numbers = itertools.count(1)
        self.ready: list[Row] = []
        self.later: list[Row] = []
        self.running: dict[Message, Row] = {}
        self.dead: list[Row] = []
        self.moved: list[Row] = []
        self.orders = itertools.count(1)
        self.deliveries: list[Message] = []
        self.waits: list[Wait] = []
        self.accepted = 0
        self.done = 0

    def do(self, action: Coroutine[Any, Any, Any]) -> Any:
        """Do it, and let what it wakes have its turns."""

        async def whole() -> Any:
            try:
                return await action
            finally:
                await self.turns()

        return self.runner.run(whole())

    async def turns(self) -> None:
        for _ in range(2 * len(self.waits) + 4):
            await asyncio.sleep(0)

    async def begin(self, receive: Callable[[], Any]) -> asyncio.Task[Message]:
        return asyncio.create_task(receive())

    def rows(self) -> list[Row]:
        return [*self.ready, *self.later, *self.running.values()]

    def holders(self, key: str | None, running: bool) -> list[str]:
        """The ids of the messages that have a unique key, the oldest first."""
        rows = self.rows() if running else [*self.ready, *self.later]
        ordered = sorted(rows, key=lambda row: row.order)
        return [row.id for row in ordered if key and row.key == key]

    def letters(self, moved: bool) -> tuple[MemoryQueue, str | None, list[Row]]:
        """Dead letters, those of the other queue if there are some and `moved` says so."""
        if self.moved and (moved or not self.dead):
            return self.other, DIED_IN, self.moved
        return self.queue, None, self.dead

    def put_back_letter(self, row: Row) -> None:
        """One that could not be requeued is in front, or where it was in the driver's store."""
        if row in self.moved:
            self.moved.remove(row)
            self.moved.insert(0, row)

    def put(self, rows: Sequence[Row]) -> None:
        """Behind those of their priority."""
        self.ready = sorted([*self.ready, *rows], key=lambda row: -row.priority)
        self.serve()

    def put_back(self, row: Row) -> None:
        self.ready = sorted([row, *self.ready], key=lambda row: -row.priority)
        self.serve()

    def delay(self, row: Row, delay: float) -> None:
        row.due = self.fake.monotonic() + delay
        self.later.append(row)

    def serve(self) -> None:
        """Whoever waits longest gets the first."""
        while self.ready and self.waits:
            row, wait = self.ready.pop(0), self.waits.pop(0)
            message = wait.task.result()
            row.attempt += 1
            assert (message.id, message.attempt) == (row.id, row.attempt)
            assert message not in self.deliveries, "two deliveries that nobody can tell apart"
            self.running[message] = row
            self.deliveries.append(message)

    def settle(self, message: Message, how: str) -> None:
        act = self.action(message, how)
        row = self.running.pop(message, None)
        if row is None and how != "release":
            with pytest.raises(NotHeld):
                self.do(act)
            return
        self.do(act)
        if row is None:
            return
        match how:
            case "ack":
                self.done += 1
            case "retry":
                self.put([row])
            case "retry later":
                self.delay(row, LATER)
            case "release":
                row.attempt -= 1
                self.put_back(row)
            case "bury":
                self.dead.append(row)
            case "bury to mails":
                self.moved.append(row)

    def action(self, message: Message, how: str) -> Coroutine[Any, Any, None]:
        by = self.subscriptions[0]
        match how:
            case "ack":
                return by.ack(message)
            case "retry" | "retry later":
                return by.retry(message, LATER if how == "retry later" else 0.0)
            case "release":
                return by.release([message])
        dead_letter = settlement.dead_letter(message, DIED_IN, Reason.REJECTED, None, 0.0)
        return by.bury(message, dead_letter, self.other if how == "bury to mails" else None)
