"""The durable store against a model in Python, by random histories of many steps.

Every transition of a message, as the store's statements and the lease make them:

    from      by                                     to
    --------  -------------------------------------  -----------------------------------------------
    (none)    publish                                READY
    (none)    publish with a due time                DELAYED
    (none)    publish to a full queue                (none): Full
    (none)    publish with a key that waits or runs  (none): the id of the one that has it
    DELAYED   promote, once it is due                READY, in the order of its due time
    READY     claim                                  RUNNING, attempt and token + 1; a suspect alone
    RUNNING   ack                                    (none), or DONE where there is a retention
    RUNNING   retry at once                          READY behind the others, no suspect any more
    RUNNING   retry with a delay                     DELAYED, no suspect any more
    RUNNING   release                                READY where it was, attempt - 1
    RUNNING   bury                                   DEAD
    RUNNING   bury to a queue                        READY there, attempt 0, no suspect, no key
    RUNNING   its owner closes its lease             READY where it was, attempt - 1
    RUNNING   a sweep: its owner died or is late     READY where it was, a suspect
    DONE      prune                                  (none)
    any       a settlement of an older hand-out      the same: NotHeld
    any       a transaction that is undone           the same

`RELIABILITY_EXAMPLES` says how many histories to try; without it, the same few every time.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runtime.engines.queue.driver_queue import Full, NotHeld
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import Ack, Bury, Claim, Publish, Release, Retry
from runtime.engines.queue.sql.sqlite import lease
from runtime.engines.queue.sql.sqlite.lease import Lease
from runtime.engines.queue.sql.sqlite.store import Store

READY, DELAYED, RUNNING, DEAD, DONE = range(5)
QUEUES = ("tasks", "mails")
LEASE = 10.0
LIMIT = 6

LONG = os.environ.get("RELIABILITY_EXAMPLES")
HOW = ("ack", "retry", "retry later", "release", "bury", "bury to mails")
CHOICES = st.lists(st.tuples(st.integers(0, 11), st.sampled_from(HOW)), min_size=1, max_size=4)
SELDOM = st.sampled_from((False,) * 7 + (True,))
SIZE = settings(
    max_examples=int(LONG or 200),
    stateful_step_count=50,
    derandomize=LONG is None,
    database=None,
    deadline=None,
    print_blob=True,
)


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

    @property
    def order(self) -> tuple[int, int, int]:
        return (-self.priority, self.place, self.seq)


@dataclass
class Owner:
    """A program with a lease; `swept` if others took it for dead, which it may not know yet."""

    lease: Lease
    id: int
    expires: float
    swept: bool = False


@dataclass
class Clocks:
    """`wall` may be set by anybody, `boot` only goes forward."""

    wall: float = 1_000_000.0
    boot: float = 5000.0


@dataclass
class Handout:
    seq: int
    token: int
    message: Message = field(repr=False)


class Kept(sqlite3.Connection):
    """One database in memory for all: closing it is for the end."""

    def close(self) -> None:
        pass


def micros(seconds: float) -> int:
    return int(seconds * 1_000_000)


class Durable(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.clocks = Clocks()
        self.patch.setattr(lease, "clock", lambda: self.clocks.boot)
        self.connection = sqlite3.connect(":memory:", isolation_level=None, factory=Kept)
        self.rows: dict[int, Row] = {}
        self.owners: list[Owner] = []
        self.killed: list[Owner] = []
        self.handouts: list[Handout] = []
        self.numbers = itertools.count(1)
        self.owner_numbers = itertools.count(1)
        self.last_seq = 0
        self.accepted: set[str] = set()
        self.forgotten: set[str] = set()
        self.tokens: set[tuple[int, int]] = set()
        self.store = Store(lambda: self.clocks.wall, keep_done=False)
        self.keeping = Store(lambda: self.clocks.wall, keep_done=True)
        self.open_lease()
        self.open_lease()

    def teardown(self) -> None:
        self.patch.undo()
        sqlite3.Connection.close(self.connection)

    # What the programs do

    @rule()
    @precondition(lambda self: len(self.owners) < 2)
    def open_lease(self) -> None:
        """A program starts, and looks at once for what the dead and the late ones held."""
        took = Lease(
            lambda: self.connection, "model", QUEUES, "", LEASE, LEASE / 3, lambda report: None
        )
        id = took.open()

        assert id == next(self.owner_numbers)
        self.owners.append(Owner(took, id, self.clocks.boot + LEASE))
        assert list(took._rescued) == self.given_back(self.owners[-1])

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.in_state(RUNNING) and self.owners)
    def close_lease(self, which: int) -> None:
        """A program stops in order, and gives back what it still holds."""
        owner = self.owners.pop(which % len(self.owners))
        owner.lease.close()
        for row in self.held_by(owner.id):
            assert not owner.swept
            row.state, row.owner, row.attempt = READY, None, row.attempt - 1

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: any(self.due_to_renew(owner) for owner in self.owners))
    def heartbeat(self, which: int) -> None:
        """A program renews its lease, or finds that it lost it and takes another."""
        owner = self.owners[which % len(self.owners)]
        was_ours = owner.lease._renew(self.connection)

        assert was_ours is not owner.swept
        owner.expires = self.clocks.boot + LEASE
        if owner.swept:
            owner.id, owner.swept = next(self.owner_numbers), False

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.in_state(RUNNING) and self.owners)
    def die(self, which: int) -> None:
        """A program is killed, and it is seen that it does not run any more."""
        owner = self.owners.pop(which % len(self.owners))
        self.connection.execute(
            "UPDATE runtime_owner SET machine = 'another start' WHERE id = ?", (owner.id,)
        )
        self.killed.append(owner)

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.owners and (self.killed or self.late()))
    def rescue(self, which: int) -> None:
        """A program looks at the others, and gives back what the dead and the late ones held."""
        looking = self.owners[which % len(self.owners)]

        assert list(looking.lease._rescue(self.connection)) == self.given_back(looking)

    def given_back(self, looking: Owner) -> list[str]:
        """What the dead and the late ones held is a suspect; the queues that got something."""
        queues = set()
        for owner in self.late() + self.killed:
            if owner is looking:
                continue
            owner.swept = True
            for row in self.held_by(owner.id):
                row.state, row.owner, row.suspect = READY, None, row.suspect + 1
                queues.add(row.queue)
        self.killed.clear()
        return sorted(queues)

    @rule()
    @precondition(lambda self: self.late())
    def a_rescue_comes_too_late(self) -> None:
        """A program was late, was seen to be, and renewed before its lease could be ended."""
        owner = self.late()[0]
        seen = {owner.id: owner.expires}
        assert owner.lease._renew(self.connection)
        owner.expires = self.clocks.boot + LEASE

        assert lease._end_leases(self.connection, seen, crashed=True) == []

    # What happens to messages

    @rule(
        queue=st.sampled_from(QUEUES),
        delays=st.lists(st.sampled_from((0.0, 0.0, 2.5, 3600.0)), min_size=1, max_size=4),
        priority=st.sampled_from((0, 0, 0, 1, -1)),
        key=st.sampled_from((None, None, "a", "b")),
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
        bounded: bool,
        undone: bool,
    ) -> None:
        items = [
            Publish(
                queue,
                Message(f"m{next(self.numbers)}", b"1", priority=priority, unique=key),
                self.clocks.wall + delay if delay else 0.0,
                LIMIT if bounded else None,
            )
            for delay in delays
        ]
        if undone:
            return self.undo(self.store.publish, items)
        answers = self.commit(self.store.publish, items)
        for item, answer in zip(items, answers, strict=True):
            known = [row.id for row in self.counted(queue) if key and row.key == key]
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
    @precondition(lambda self: self.claimants() and self.in_state(READY))
    def claim(self, which: int, queue: int, count: int, alone: bool, undone: bool) -> None:
        owner = self.claimants()[which % len(self.claimants())]
        filled = sorted({row.queue for row in self.in_state(READY)})
        name = filled[queue % len(filled)]
        items = [Claim(name, owner.id, count, alone)]
        if undone:
            return self.undo(self.store.claim, items)
        (claimed,) = self.commit(self.store.claim, items)
        ready = [row for row in self.in_state(READY) if row.queue == name]
        line = sorted(ready, key=lambda row: row.order)[:count]
        innocent = list(itertools.takewhile(lambda row: not row.suspect, line))
        expected = innocent or (line[:1] if alone else [])

        assert [seq for seq, _ in claimed.messages] == [row.seq for row in expected]
        assert claimed.suspect is (len(innocent) < len(line))
        for row, (seq, message) in zip(expected, claimed.messages, strict=True):
            row.state, row.owner = RUNNING, owner.id
            row.attempt, row.token = row.attempt + 1, row.token + 1
            assert (message.id, message.attempt, message.token) == (row.id, row.attempt, row.token)
            assert (seq, message.token) not in self.tokens, "two hand-outs of one token"
            self.tokens.add((seq, message.token))
            self.handouts.append(Handout(seq, message.token, message))

    @rule(choices=CHOICES, keep=st.booleans(), undone=SELDOM)
    @precondition(lambda self: self.live())
    def settle_what_is_held(
        self, choices: Sequence[tuple[int, str]], keep: bool, undone: bool
    ) -> None:
        """Settle hand-outs; one may be among them twice."""
        live = self.live()
        self.settle_some([(live[n % len(live)], how) for n, how in choices], keep, undone)

    @rule(choices=CHOICES, keep=st.booleans(), undone=SELDOM)
    @precondition(lambda self: self.handouts)
    def settle_what_was_held(
        self, choices: Sequence[tuple[int, str]], keep: bool, undone: bool
    ) -> None:
        """Settle hand-outs, of which most ended or were lost long ago."""
        all = self.handouts
        self.settle_some([(all[-1 - n % len(all)], how) for n, how in choices], keep, undone)

    def settle_some(self, asked: Sequence[tuple[Handout, str]], keep: bool, undone: bool) -> None:
        items = [self.request(handout, how) for handout, how in asked]
        work = self.keeping.settle if keep else self.store.settle
        if undone:
            return self.undo(work, items)
        answers = self.commit(work, items)
        for (handout, how), answer in zip(asked, answers, strict=True):
            row = self.rows.get(handout.seq)
            if row is None or row.state != RUNNING or row.token != handout.token:
                assert isinstance(answer, NotHeld)
            else:
                assert answer is None
                self.settled(row, how, keep)

    @rule()
    @precondition(lambda self: self.in_state(DELAYED))
    def promote(self) -> None:
        (promoted,) = self.commit(self.store.promote, [self.clocks.wall])
        queues = set()
        for row in self.in_state(DELAYED):
            if row.place <= micros(self.clocks.wall):
                row.state = READY
                queues.add(row.queue)
        later = [row.place for row in self.in_state(DELAYED)]

        assert promoted == (queues, min(later) / 1_000_000 if later else None)

    @rule(age=st.sampled_from((0.0, 1.0, 100.0)))
    @precondition(lambda self: self.in_state(DONE))
    def prune(self, age: float) -> None:
        before = self.clocks.wall - age
        (pruned,) = self.commit(self.store.prune, [before])
        gone = [row for row in self.in_state(DONE) if row.place < micros(before)]
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
            "suspect, headers FROM runtime_message ORDER BY seq"
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

    # The model

    def commit(self, work: Callable[..., Any], items: Sequence[Any]) -> Any:
        self.connection.execute("BEGIN IMMEDIATE")
        answers = work(self.connection, items)
        self.connection.execute("COMMIT")
        return answers

    def undo(self, work: Callable[..., Any], items: Sequence[Any]) -> None:
        """All of it happened, and its commit never came."""
        self.connection.execute("BEGIN IMMEDIATE")
        work(self.connection, items)
        self.connection.execute("ROLLBACK")

    def in_state(self, state: int) -> list[Row]:
        return [row for row in self.rows.values() if row.state == state]

    def late(self) -> list[Owner]:
        """Whose lease ran out, and nobody saw it yet."""
        return [
            owner for owner in self.owners if not owner.swept and owner.expires < self.clocks.boot
        ]

    def due_to_renew(self, owner: Owner) -> bool:
        return owner.swept or owner.expires < self.clocks.boot + LEASE * 2 / 3

    def claimants(self) -> list[Owner]:
        """Who may claim: whoever lost a lease hears of it first, by its next heartbeat."""
        return [owner for owner in self.owners if not owner.swept]

    def live(self) -> list[Handout]:
        """The hand-outs that may still be settled."""
        return [
            handout
            for handout in self.handouts
            if (row := self.rows.get(handout.seq)) is not None
            and (row.state, row.token) == (RUNNING, handout.token)
        ]

    def counted(self, queue: str) -> list[Row]:
        return [row for row in self.rows.values() if row.queue == queue and row.state < DEAD]

    def held_by(self, owner: int) -> list[Row]:
        return [row for row in self.in_state(RUNNING) if row.owner == owner]

    def add(self, item: Publish) -> None:
        self.last_seq += 1
        message = item.message
        state, place = (DELAYED, item.due) if item.due else (READY, self.clocks.wall)
        self.rows[self.last_seq] = Row(
            self.last_seq,
            message.id,
            item.queue,
            state,
            micros(place),
            message.priority,
            message.unique,
        )
        self.accepted.add(message.id)

    def forget(self, row: Row) -> None:
        del self.rows[row.seq]
        self.forgotten.add(row.id)

    def request(self, handout: Handout, how: str) -> Any:
        match how:
            case "ack":
                return Ack(handout.seq, handout.token)
            case "release":
                return Release(handout.seq, handout.token)
            case "retry" | "retry later":
                due = self.clocks.wall + 2.5 if how == "retry later" else 0.0
                return Retry(handout.seq, handout.token, due)
        to = "mails" if how == "bury to mails" else None
        return Bury(handout.seq, handout.token, {"x": "why"}, to)

    def settled(self, row: Row, how: str, keep: bool) -> None:
        now = micros(self.clocks.wall)
        row.owner = None
        match how:
            case "ack" if keep:
                row.state, row.place = DONE, now
            case "ack":
                self.forget(row)
            case "release":
                row.state, row.attempt = READY, row.attempt - 1
            case "retry":
                row.state, row.place, row.suspect = READY, now, 0
            case "retry later":
                row.state, row.suspect = DELAYED, 0
                row.place = micros(self.clocks.wall + 2.5)
            case "bury":
                row.state, row.place, row.headers = DEAD, now, '{"x": "why"}'
            case "bury to mails":
                row.state, row.place, row.headers = READY, now, '{"x": "why"}'
                row.queue, row.attempt, row.suspect, row.key = "mails", 0, 0, None


TestDurable = pytest.mark.slow(Durable.TestCase)
TestDurable.settings = SIZE
