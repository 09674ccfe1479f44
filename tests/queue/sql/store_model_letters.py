"""The part of the durable store's model that is about dead letters."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from runtime.engines.queue.driver_queue import Full, KeyTaken, NotHeld
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import Drop, Requeue
from runtime.engines.queue.sql.sqlite.letters import Letters as Store
from tests.queue.histories import LIMIT, SELDOM
from tests.queue.sql.store_model import DEAD, DELAYED, READY, RUNNING, Model, Row, micros

FREE = (READY, DELAYED, DEAD)
STALE = st.sampled_from((0, 0, 0, 1))
"""How many deliveries ago the letter was seen."""


class Letters(Model):
    """Dead letters are requeued and dropped, wherever they are."""

    def __init__(self) -> None:
        super().__init__()
        self.letters_store = Store(lambda: self.clocks.wall)

    def letters(self) -> list[Row]:
        return [row for row in self.rows.values() if row.died_in is not None]

    @rule(
        which=st.integers(0, 9),
        key=st.sampled_from((None, None, "a", "b")),
        held=st.booleans(),
        stale=STALE,
        undone=SELDOM,
    )
    @precondition(lambda self: self.letters())
    def requeue(self, which: int, key: str | None, held: bool, stale: int, undone: bool) -> None:
        letters = self.letters()
        row = letters[which % len(letters)]
        again = Message(row.id, b"1", {"x": "again"}, priority=row.priority, unique=key)
        seq = row.seq if held else None
        items = [Requeue(row.queue, again, row.token - stale, "tasks", LIMIT, seq)]
        if undone:
            return self.undo(self.letters_store.requeue, items)
        (answer,) = self.commit(self.letters_store.requeue, items)
        there = row.state == RUNNING if held else row.state in FREE
        is_counted = row.queue == "tasks" and row.state < DEAD
        if not there or stale:
            assert isinstance(answer, NotHeld)
        elif self.holders("tasks", key, counts_running=True):
            assert isinstance(answer, KeyTaken)
        elif len(self.counted("tasks")) >= LIMIT and not is_counted:
            assert isinstance(answer, Full)
        else:
            assert answer is None
            row.queue, row.state, row.place = "tasks", READY, micros(self.clocks.wall)
            row.cancelling = 0
            row.attempt, row.suspect, row.owner, row.key = 0, 0, None, key
            row.headers, row.died_in = '{"x": "again"}', None

    @rule(which=st.integers(0, 9), stale=STALE, undone=SELDOM)
    @precondition(lambda self: self.letters())
    def drop(self, which: int, stale: int, undone: bool) -> None:
        letters = self.letters()
        row = letters[which % len(letters)]
        items = [Drop(row.queue, row.id, row.token - stale)]
        if undone:
            return self.undo(self.letters_store.drop, items)
        (answer,) = self.commit(self.letters_store.drop, items)
        if row.state in FREE and not stale:
            assert answer is None
            self.forget(row)
        else:
            assert isinstance(answer, NotHeld)
