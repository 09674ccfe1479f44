"""The part of the durable store's model that is about programs and their leases."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from runtime.engines.queue.sql.sqlite import rescue
from runtime.engines.queue.sql.sqlite.lease import Lease
from tests.queue.sql.store_model import ENDED_PROCESS, LEASE, QUEUES, READY, RUNNING, Model, Owner


class Leases(Model):
    """Programs start, stop, renew their leases, die, and rescue each other's messages."""

    @rule()
    @precondition(lambda self: len(self.owners) < 2)
    def open_lease(self) -> None:
        """A program starts, and rescues the messages of dead and late ones at once."""
        took = Lease(
            lambda: self.connection, "model", QUEUES, "", LEASE, LEASE / 3, lambda report: None
        )
        id = took.open()

        assert id == next(self.owner_numbers)
        self.owners.append(Owner(took, id, self.clocks.boot + LEASE))
        assert list(took._rescued) == self.rescued(self.owners[-1])

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.in_state(RUNNING) and self.owners)
    def close_lease(self, which: int) -> None:
        """A program stops in order, and releases the messages that it still holds."""
        owner = self.owners.pop(which % len(self.owners))
        owner.lease.close()
        for row in self.held_by(owner.id):
            assert not owner.ended
            row.owner = None
            if row.cancelling:
                self.cancelled(row)
            else:
                row.state, row.attempt = READY, row.attempt - 1

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: any(self.due_to_renew(owner) for owner in self.owners))
    def heartbeat(self, which: int) -> None:
        """A program renews its lease, or finds it ended and takes another."""
        owner = self.owners[which % len(self.owners)]
        was_ours = owner.lease._renew(self.connection)

        assert was_ours is not owner.ended
        owner.expires = self.clocks.boot + LEASE
        if owner.ended:
            owner.id, owner.ended = next(self.owner_numbers), False

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.in_state(RUNNING) and self.owners)
    def die(self, which: int) -> None:
        """A program is killed, and the others can see it."""
        owner = self.owners.pop(which % len(self.owners))
        self.connection.execute(
            "UPDATE runtime_owner SET process = ? WHERE id = ?", (ENDED_PROCESS, owner.id)
        )
        self.killed.append(owner)

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.owners and (self.killed or self.late()))
    def rescue(self, which: int) -> None:
        """A program checks the others, and rescues the messages of dead and late ones."""
        checking = self.owners[which % len(self.owners)]

        assert list(checking.lease._rescue(self.connection)) == self.rescued(checking)

    @rule()
    @precondition(lambda self: self.late())
    def a_rescue_comes_too_late(self) -> None:
        """A program was late, others saw it, and it renewed before its lease could be ended."""
        owner = self.late()[0]
        seen = {owner.id: owner.expires}
        assert owner.lease._renew(self.connection)
        owner.expires = self.clocks.boot + LEASE

        assert rescue.end_leases(self.connection, seen, crashed=True) == []
