"""The durable store against a model in Python, by random histories of many steps.

Every transition of a message, as the store's statements and the lease make them:

    from      by                                     to
    --------  -------------------------------------  -----------------------------------------------
    (none)    publish                                READY
    (none)    publish with a delay                DELAYED
    (none)    publish to a full queue                (none): Full
    (none)    publish with a key that waits          (none): the id of the one that has it
    (none)    publish with a key that runs           (none), or READY, as the publisher asks for
    DELAYED   promote, once it is due                READY, in the order of its due time
    READY     claim                                  RUNNING, attempt and token + 1; a suspect alone
    READY     claim, under a lease that was ended    the same: Unavailable
    RUNNING   ack                                    (none)
    RUNNING   finish                                 DONE
    RUNNING   cancel, by whoever holds it            CANCELLED
    RUNNING   retry at once                          READY behind the others, no suspect any more
    RUNNING   retry with a delay                     DELAYED, no suspect any more
    RUNNING   release                                READY where it was, attempt - 1
    RUNNING   bury                                   DEAD
    RUNNING   bury to a queue                        READY there, attempt 0, no suspect, no key
    RUNNING   its owner closes its lease             READY where it was, attempt - 1
    RUNNING   a rescue: its owner died or is late    READY where it was, a suspect
    DEAD      requeue                                READY, attempt 0, no suspect, perhaps a key
    a letter  requeue, while it waits or is held     the same, in the queue where it died
    a letter  requeue to a full queue, or a key      the same: Full, KeyTaken
    a letter  drop, while it is not held             (none)
    READY     cancel, also if it is DELAYED          CANCELLED
    RUNNING   cancel                                 the same, and then never READY again:
    RUNNING   retry, release, rescue, if cancelled   CANCELLED
    ended     prune, once it was kept for its time   (none)
    any       a settlement of an older delivery      the same: NotHeld
    any       a transaction that is undone           the same
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import Claim, Prune, Publish
from runtime.engines.queue.sql.tasks import CANCEL, REQUEST
from runtime.engines.queue.tracked_queue import CANCELLED_FOR
from runtime.service import Unavailable
from tests.queue.histories import HOW, LIMIT, SELDOM, SIZE
from tests.queue.sql.store_model import (
    CANCELLED,
    DELAYED,
    DONE,
    QUEUES,
    READY,
    RUNNING,
    Delivery,
    Row,
    micros,
)
from tests.queue.sql.store_model_leases import Leases
from tests.queue.sql.store_model_letters import Letters

ENDS = (*HOW, "finish", "cancel")
CHOICES = st.lists(st.tuples(st.integers(0, 11), st.sampled_from(ENDS)), min_size=1, max_size=4)


class Durable(Leases, Letters, RuleBasedStateMachine):
    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Letters.__init__(self)
        self.open_lease()
        self.open_lease()

    def teardown(self) -> None:
        self.close()

    # What happens to messages

    @rule(
        queue=st.sampled_from(QUEUES),
        delays=st.lists(st.sampled_from((0.0, 0.0, 2.5, 3600.0)), min_size=1, max_size=4),
        priority=st.sampled_from((0, 0, 0, 1, -1)),
        key=st.sampled_from((None, None, "a", "b")),
        running=st.booleans(),
        bounded=st.booleans(),
        undone=SELDOM,
    )
    @precondition(lambda self: len(self.rows) < 20)
    def publish(
        self,
        queue: str,
        delays: Sequence[float],
        priority: int,
        key: str | None,
        running: bool,
        bounded: bool,
        undone: bool,
    ) -> None:
        items = [
            Publish(
                queue,
                Message(f"m{next(self.numbers)}", b"1", priority=priority, unique=key),
                delay,
                LIMIT if bounded else None,
                running,
            )
            for delay in delays
        ]
        if undone:
            return self.undo(self.statements.publish, items)
        answers = self.commit(self.statements.publish, items)
        for item, answer in zip(items, answers, strict=True):
            known = self.holders(queue, key, running)
            if known:
                assert answer == known[0]
            elif bounded and len(self.counted(queue)) >= LIMIT:
                assert isinstance(answer, Full)
            else:
                assert answer == item.message.id
                self.add(item)

    @rule(
        which=st.integers(0, 3),
        queue=st.integers(0, 1),
        count=st.integers(1, 4),
        alone=st.booleans(),
        undone=SELDOM,
    )
    @precondition(lambda self: self.owners and self.in_state(READY))
    def claim(self, which: int, queue: int, count: int, alone: bool, undone: bool) -> None:
        owner = self.owners[which % len(self.owners)]
        filled = sorted({row.queue for row in self.in_state(READY)})
        name = filled[queue % len(filled)]
        items = [Claim(name, owner.id, count, alone)]
        if undone:
            return self.undo(self.statements.claim, items)
        (claimed,) = self.commit(self.statements.claim, items)
        if owner.ended:
            assert isinstance(claimed, Unavailable)
            return
        ready = [row for row in self.in_state(READY) if row.queue == name]
        head = sorted(ready, key=lambda row: row.order)[:count]
        unsuspicious = list(itertools.takewhile(lambda row: not row.suspect, head))
        expected = unsuspicious or (head[:1] if alone else [])

        assert [seq for seq, _ in claimed.messages] == [row.seq for row in expected]
        assert claimed.suspect is (len(unsuspicious) < len(head))
        for row, (seq, message) in zip(expected, claimed.messages, strict=True):
            row.state, row.owner = RUNNING, owner.id
            row.attempt, row.token = row.attempt + 1, row.token + 1
            assert (message.id, message.attempt, message.token) == (row.id, row.attempt, row.token)
            assert (seq, message.token) not in self.tokens, "two deliveries of one token"
            self.tokens.add((seq, message.token))
            self.deliveries.append(Delivery(seq, message.token, message))

    @rule(choices=CHOICES, undone=SELDOM)
    @precondition(lambda self: self.live())
    def settle_what_is_held(self, choices: Sequence[tuple[int, str]], undone: bool) -> None:
        """Settle deliveries; one may be among them twice."""
        live = self.live()
        self.settle_some([(live[n % len(live)], how) for n, how in choices], undone)

    @rule(choices=CHOICES, undone=SELDOM)
    @precondition(lambda self: self.deliveries)
    def settle_what_was_held(self, choices: Sequence[tuple[int, str]], undone: bool) -> None:
        """Settle deliveries, of which most were settled or reassigned long ago."""
        all = self.deliveries
        self.settle_some([(all[-1 - n % len(all)], how) for n, how in choices], undone)

    @rule()
    @precondition(lambda self: self.in_state(DELAYED))
    def promote(self) -> None:
        (promoted,) = self.commit(self.statements.promote, [None])
        queues = set()
        for row in self.in_state(DELAYED):
            if row.place <= micros(self.clocks.wall):
                row.state = READY
                queues.add(row.queue)
        later = [row.place for row in self.in_state(DELAYED)]

        assert promoted.queues == queues
        if later:
            due_in = min(later) / 1_000_000 - self.clocks.wall
            assert promoted.due_in == pytest.approx(due_in, abs=1e-6)
        else:
            assert promoted.due_in is None

    @rule(which=st.integers(0, 20))
    @precondition(lambda self: self.rows)
    def cancel(self, which: int) -> None:
        """Somebody cancels a message, in whatever state it is."""
        rows = [*self.rows.values()]
        row = rows[which % len(rows)]
        now, values = micros(self.clocks.wall), {"id": row.id, "queue": row.queue}
        gone = self.ask(CANCEL, **values, keep=micros(CANCELLED_FOR))
        running = self.ask(REQUEST, **values, yes=True)
        if gone:
            shorten = "UPDATE runtime_queue SET length = length - 1 WHERE name = ?"
            self.connection.execute(shorten, (row.queue,))

        assert (gone, running) == (row.state in (READY, DELAYED), row.state == RUNNING)
        if gone or running:
            row.place = now
        if running:
            row.cancelling = 1
        if gone:
            self.cancelled(row)

    @rule()
    @precondition(lambda self: self.in_state(DONE) or self.in_state(CANCELLED))
    def prune(self) -> None:
        (pruned,) = self.commit(self.statements.prune, [Prune(2)])
        now = micros(self.clocks.wall)
        ended = self.in_state(DONE) + self.in_state(CANCELLED)
        gone = [row for row in ended if row.expires is not None and row.expires <= now]
        if len(gone) > 2:
            left = {seq for (seq,) in self.connection.execute("SELECT seq FROM runtime_message")}
            gone = [row for row in gone if row.seq not in left]
            assert len(gone) == 2
        for row in gone:
            self.forget(row)

        assert pruned == len(gone)

    # A rule with several names is drawn more often

    publish_2 = publish
    claim_2 = claim_3 = claim_4 = claim
    settle_2 = settle_3 = settle_4 = settle_5 = settle_what_is_held

    # What time does

    @rule(
        passed=st.sampled_from((0.001, 1.0, 4.0, 11.0)),
        set_by=st.sampled_from((0.0, 0.0, 0.0, -3600.0, -1.0, 3600.0)),
    )
    def time_passes(self, passed: float, set_by: float) -> None:
        """And somebody may set the clock."""
        self.clocks.wall += passed + set_by
        self.clocks.boot += passed

    # What must hold after every step

    @invariant()
    def the_table_is_the_model(self) -> None:
        found = self.connection.execute(
            "SELECT seq, id, queue, state, place, priority, unique_key, attempt, token, owner, "
            "suspect, headers, died_in, cancelling, expires FROM runtime_message ORDER BY seq"
        ).fetchall()

        assert [Row(*row) for row in found] == [self.rows[seq] for seq in sorted(self.rows)]

    @invariant()
    def every_accepted_message_is_in_one_place(self) -> None:
        ids = [row.id for row in self.rows.values()]

        assert len(ids) == len(set(ids))
        assert self.accepted == set(ids) | self.forgotten
        assert not set(ids) & self.forgotten

    @invariant()
    def lengths_are_what_they_count(self) -> None:
        lengths = dict(self.connection.execute("SELECT name, length FROM runtime_queue").fetchall())

        assert lengths == {queue: len(self.counted(queue)) for queue in QUEUES}

    @invariant()
    def what_runs_is_somebodys(self) -> None:
        owners = {id for (id,) in self.connection.execute("SELECT id FROM runtime_owner")}
        for row in self.rows.values():
            assert (row.owner in owners) if row.state == RUNNING else row.owner is None
            assert row.attempt >= (1 if row.state == RUNNING else 0)


TestDurable = pytest.mark.slow(Durable.TestCase)
TestDurable.settings = SIZE
