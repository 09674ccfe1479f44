"""The memory queue against a model in Python, by random histories of many steps.

The transitions are those of `tests/queue/sql/test_store_model.py`, without owners, leases and a
retention; new are receivers that wait, are cancelled meanwhile, or whose subscription is closed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runtime.engines.queue.dead_letter import requeued
from runtime.engines.queue.driver_queue import Closed, Full, KeyTaken
from runtime.engines.queue.message import Message
from tests.queue.histories import CHOICES, LIMIT, SIZE
from tests.queue.memory.memory_model import DIED_IN, LATER, MOMENT, Model, Row, Wait


class Memory(Model, RuleBasedStateMachine):
    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Model.__init__(self)

    def teardown(self) -> None:
        self.runner.close()

    @rule(
        delay=st.sampled_from((0.0, 0.0, LATER, 3600.0)),
        priority=st.sampled_from((0, 0, 0, 1, -1)),
        key=st.sampled_from((None, None, "a", "b")),
        running=st.booleans(),
    )
    def publish(self, delay: float, priority: int, key: str | None, running: bool) -> None:
        message = Message(f"m{next(self.numbers)}", b"1", priority=priority, unique=key)
        known = self.holders(key, running)
        if not known and len(self.rows()) >= LIMIT:
            with pytest.raises(Full):
                self.do(self.queue.publish(message, delay, None, running))
            return
        # What it wakes receives in the same step.
        answer = self.do(self.queue.publish(message, delay, None, running))
        if known:
            assert answer == known[0]
            return
        assert answer == message.id
        self.accepted += 1
        row = Row(message.id, priority, key, order=next(self.orders))
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

    @rule(which=st.integers(0, 9), moved=st.booleans())
    @precondition(lambda self: self.dead or self.moved)
    def requeue(self, which: int, moved: bool) -> None:
        place, died_in, rows = self.letters(moved)
        row = rows[which % len(rows)]
        letter = self.do(place.find_dead_letter(row.id, died_in))
        act = place.requeue(letter, requeued(letter, DIED_IN, 1000), self.queue)
        if self.holders(row.key, running=True):
            with pytest.raises(KeyTaken):
                self.do(act)
            self.put_back_letter(row)
        elif len(self.rows()) >= LIMIT:
            with pytest.raises(Full):
                self.do(act)
            self.put_back_letter(row)
        else:
            self.do(act)
            rows.remove(row)
            row.attempt, row.order = 0, next(self.orders)
            self.put([row])

    @rule(which=st.integers(0, 9), moved=st.booleans())
    @precondition(lambda self: self.dead or self.moved)
    def drop(self, which: int, moved: bool) -> None:
        place, died_in, rows = self.letters(moved)
        row = rows.pop(which % len(rows))
        letter = self.do(place.find_dead_letter(row.id, died_in))
        self.do(place.drop(letter))
        self.done += 1

        assert self.do(place.find_dead_letter(row.id, died_in)) is None

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
        assert [letter.id for letter in self.queue.dead] == [row.id for row in self.dead]
        assert [letter.id for letter in self.other.ready] == [
            row.id for row in sorted(self.moved, key=lambda row: -row.priority)
        ]
        assert self.runner.run(self.other.count_dead_letters(DIED_IN)) == len(self.moved)
        assert len(self.queue) == len(self.rows())

    @invariant()
    def every_accepted_message_is_in_one_place(self) -> None:
        places = [row.id for row in self.rows() + self.dead + self.moved]

        assert len(set(places)) == len(places) == self.accepted - self.done

    @invariant()
    def nobody_waits_beside_a_ready_message(self) -> None:
        assert not (self.ready and self.waits)


TestMemory = pytest.mark.slow(Memory.TestCase)
TestMemory.settings = SIZE
