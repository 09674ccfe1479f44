"""The memory queue against a model in Python, by random histories of many steps.

The transitions are those of `tests/queue/sql/test_store_model.py`, without owners, leases and a
retention; new are receivers that wait, are cancelled meanwhile, or whose subscription is closed.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runtime.engines.queue.driver_queue import Closed, Full, NotHeld
from runtime.engines.queue.memory.queue import MemoryQueue, MemorySubscription
from runtime.engines.queue.message import Message
from tests.queue.histories import CHOICES, LIMIT, SIZE
from tests.support.clock import FakeClock

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


@dataclass(eq=False)
class Wait:
    task: asyncio.Task[Message]
    subscription: MemorySubscription


class Memory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeClock()
        self.runner = asyncio.Runner()
        self.queue = MemoryQueue("tasks", LIMIT, self.fake.clock)
        self.other = MemoryQueue("other", LIMIT, self.fake.clock)
        self.subscriptions = [self.queue.subscribe(1), self.queue.subscribe(1)]
        self.numbers = itertools.count(1)
        self.ready: list[Row] = []
        self.later: list[Row] = []
        self.running: dict[Message, Row] = {}
        self.dead: list[str] = []
        self.moved: list[str] = []
        self.deliveries: list[Message] = []
        self.waits: list[Wait] = []
        self.accepted = 0
        self.done = 0

    def teardown(self) -> None:
        self.runner.close()

    @rule(
        delay=st.sampled_from((0.0, 0.0, LATER, 3600.0)),
        priority=st.sampled_from((0, 0, 0, 1, -1)),
        key=st.sampled_from((None, None, "a", "b")),
    )
    def publish(self, delay: float, priority: int, key: str | None) -> None:
        message = Message(f"m{next(self.numbers)}", b"1", priority=priority, unique=key)
        known = [row.id for row in self.rows() if key and row.key == key]
        if not known and len(self.rows()) >= LIMIT:
            with pytest.raises(Full):
                self.do(self.queue.publish(message, delay))
            return
        # What it wakes receives in the same step.
        answer = self.do(self.queue.publish(message, delay))
        if known:
            assert answer == known[0]
            return
        assert answer == message.id
        self.accepted += 1
        row = Row(message.id, priority, key)
        if delay:
            self.delay(row, delay)
        else:
            self.put([row])

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.subscriptions)
    def receive(self, which: int) -> None:
        """Take what is ready, or wait."""
        subscription = self.subscriptions[which % len(self.subscriptions)]
        task = self.do(self.begin(subscription.receive))
        self.waits.append(Wait(task, subscription))
        self.serve()

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self.waits)
    def cancel_a_wait(self, which: int) -> None:
        wait = self.waits.pop(which % len(self.waits))
        wait.task.cancel()
        self.do(self.turns())

        assert wait.task.cancelled()

    @rule(which=st.integers(0, 9), priority=st.sampled_from((0, 1)))
    @precondition(lambda self: self.waits and len(self.rows()) < LIMIT)
    def cancel_a_wait_in_the_moment_of_an_arrival(self, which: int, priority: int) -> None:
        wait = self.waits.pop(which % len(self.waits))
        message = Message(f"m{next(self.numbers)}", b"1", priority=priority)

        async def at_once() -> None:
            await self.queue.publish(message)
            wait.task.cancel()

        self.do(at_once())
        assert wait.task.cancelled()
        self.accepted += 1
        self.put([Row(message.id, priority, None)])

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: len(self.subscriptions) > 1)
    def close(self, which: int) -> None:
        subscription = self.subscriptions.pop(which % len(self.subscriptions))
        self.do(subscription.close())
        ended = [wait for wait in self.waits if wait.subscription is subscription]
        self.waits = [wait for wait in self.waits if wait not in ended]

        assert [type(wait.task.exception()) for wait in ended] == [Closed] * len(ended)

    @rule()
    @precondition(lambda self: len(self.subscriptions) < 2)
    def subscribe(self) -> None:
        self.subscriptions.append(self.queue.subscribe(1))

    @rule(choices=CHOICES)
    @precondition(lambda self: self.running)
    def settle_what_is_held(self, choices: Sequence[tuple[int, str]]) -> None:
        held = list(self.running)
        for number, how in choices:
            self.settle(held[number % len(held)], how)

    @rule(choices=CHOICES)
    @precondition(lambda self: self.deliveries)
    def settle_what_was_held(self, choices: Sequence[tuple[int, str]]) -> None:
        for number, how in choices:
            self.settle(self.deliveries[-1 - number % len(self.deliveries)], how)

    @rule(seconds=st.sampled_from((MOMENT, 1.0, 3.0, 4000.0)))
    @precondition(lambda self: self.later)
    def time_passes(self, seconds: float) -> None:
        self.do(self.fake.advance(seconds))
        now = self.fake.monotonic()
        due = sorted((row for row in self.later if row.due <= now), key=lambda row: row.due)
        self.later = [row for row in self.later if row not in due]
        for _, rows in itertools.groupby(due, key=lambda row: row.due):
            self.put([*rows])

    # A rule with several names is drawn more often

    publish_2 = publish_3 = publish
    receive_2 = receive_3 = receive
    settle_2 = settle_3 = settle_what_is_held

    # What must hold after every step

    @invariant()
    def the_line_is_the_model(self) -> None:
        assert [(m.id, m.attempt) for m in self.queue.ready] == [
            (row.id, row.attempt) for row in self.ready
        ]
        assert sorted(entry[2].id for entry in self.queue.delayed.heap) == sorted(
            row.id for row in self.later
        )
        assert self.queue.in_flight == set(self.running)
        assert [dead_letter.id for dead_letter in self.queue.dead] == self.dead
        assert [dead_letter.id for dead_letter in self.other.ready] == self.moved
        assert len(self.queue) == len(self.rows())

    @invariant()
    def every_accepted_message_is_in_one_place(self) -> None:
        places = [row.id for row in self.rows()] + self.dead + self.moved

        assert len(set(places)) == len(places) == self.accepted - self.done

    @invariant()
    def nobody_waits_beside_a_ready_message(self) -> None:
        assert not (self.ready and self.waits)

    # The model

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
                self.dead.append(row.id)
            case "bury to mails":
                self.moved.append(row.id)

    def action(self, message: Message, how: str) -> Coroutine[Any, Any, None]:
        by = self.subscriptions[0]
        match how:
            case "ack":
                return by.ack(message)
            case "retry" | "retry later":
                return by.retry(message, LATER if how == "retry later" else 0.0)
            case "release":
                return by.release([message])
        dead_letter = Message(message.id, b"1")
        return by.bury(message, dead_letter, self.other if how == "bury to mails" else None)


TestMemory = pytest.mark.slow(Memory.TestCase)
TestMemory.settings = SIZE
