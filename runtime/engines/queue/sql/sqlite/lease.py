"""Lease: one row that says this program lives, renewed by a thread that needs no event loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

import msgspec

from runtime import failpoint
from runtime.engines.queue.sql.sqlite.liveness import ProcessIdentity, clock
from runtime.engines.queue.sql.sqlite.store import counted, next_due
from runtime.engines.queue.sql.sqlite.tables import prepare
from runtime.engines.sql.sqlite.busy_retry import BusyRetry
from runtime.engines.sql.sqlite.errors import code

LOOK = 1.0
"""Seconds between two looks at the other owners, and at what is due."""
BRIEF = 0.1
"""Seconds that the write lock is waited for without a doubt that others could renew meanwhile."""


class Report(msgspec.Struct, frozen=True):
    """What a look found: what the loop's side of a driver has to know."""

    owner: int
    lost: bool
    """Whether the lease ran out, so that all that was held under it is somebody else's now."""
    peers: Sequence[str]
    """The addresses of the other owners."""
    next_due: float | None
    """When the next delayed message is due, in seconds since 1970."""
    recovered: Sequence[str]
    """Queues that got back what a dead owner held."""
    fault: str | None = None
    """Why the look failed; the rest is then as it was before."""


class Lease:
    """Holds a lease, gives back what dead owners held, and tells what it sees.

    Its connection and its thread are its own: a handler that blocks the loop does not keep it from
    renewing. A write lock does, whoever has it, and then it keeps everybody: after a long one, no
    lease that ran out is ended before its owner had the time to renew it.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        label: str,
        queues: Sequence[str],
        address: str,
        lease: float,
        heartbeat: float,
        tell: Callable[[Report], None],
    ) -> None:
        """`connect()` opens a connection that waits for no lock; `tell` is called in the thread.
        Times in seconds.
        """
        self._connect = connect
        self._label = label
        self._queues = queues
        self._address = address
        self._lease = lease
        self._heartbeat = heartbeat
        self._tell = tell
        self._process = ProcessIdentity.mine()
        self._end = Event()
        self._owner = 0
        self._expires = 0.0
        self._recovered: Sequence[str] = ()
        """What `open` gave back, until it is told."""
        self._mercy = 0.0
        """Until when leases that ran out are left alone."""
        self._thread = Thread(target=self._main, name=f"lease {label}", daemon=True)

    def open(self) -> int:
        """Make the tables, take a lease, and give back what a dead program held, before anything
        newer is claimed; blocks. Raises StartError, or what sqlite3 raises.
        """
        connection = self._connect()
        try:
            BusyRetry(self._lease / 2)(lambda: self._begin(connection))
            self._recovered = self._sweep(connection)
        finally:
            connection.close()
        return self._owner

    def keep(self) -> None:
        """Start renewing."""
        self._thread.start()

    def close(self) -> None:
        """Give up the lease and all that is still held under it; blocks for a moment."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(LOOK)
        connection = self._connect()
        try:
            owner = {self._owner: self._expires}
            BusyRetry(LOOK)(lambda: _drop(connection, owner, crashed=False))
        finally:
            connection.close()

    def abandon(self) -> None:
        """Stop renewing, and leave the rest to whoever looks next."""
        self._end.set()

    def _begin(self, connection: sqlite3.Connection) -> None:
        with _transaction(connection):
            failpoint.point("queue.lease.before_commit")
            prepare(connection, self._label)
            counted(connection, self._queues)
            self._take(connection)
        failpoint.point("queue.lease.after_commit")

    def _take(self, connection: sqlite3.Connection) -> None:
        self._expires = clock() + self._lease
        row = connection.execute(
            "INSERT INTO runtime_owner (machine, process, address, expires) VALUES (?, ?, ?, ?)",
            (*self._process, self._address, self._expires),
        )
        assert row.lastrowid is not None
        self._owner = row.lastrowid

    def _main(self) -> None:
        connection: sqlite3.Connection | None = None
        renew = clock() + self._heartbeat
        peers: Sequence[str] = ()
        pause = 0.0
        while not self._end.wait(pause):
            pause = min(LOOK, self._heartbeat)
            lost = False
            try:
                if connection is None:
                    connection = self._connect()
                if clock() >= renew:
                    with self._merciful():
                        lost = not BusyRetry(self._heartbeat)(partial(self._renew, connection))
                    renew = clock() + self._heartbeat
                recovered = [*self._recovered, *self._sweep(connection)]
                self._recovered = ()
                peers = self._peers(connection)
                self._tell(Report(self._owner, lost, peers, next_due(connection), recovered))
            except sqlite3.Error as error:
                if connection is not None:
                    connection.close()
                connection = None
                self._tell(Report(self._owner, lost, peers, None, (), str(error)))
        if connection is not None:
            connection.close()

    def _renew(self, connection: sqlite3.Connection) -> bool:
        """Whether the lease was still ours; if it was not, another one is taken."""
        expires = clock() + self._lease
        renewed = connection.execute(
            "UPDATE runtime_owner SET expires = ? WHERE id = ?", (expires, self._owner)
        ).rowcount
        if renewed:
            self._expires = expires
        else:
            self._take(connection)
        return bool(renewed)

    def _sweep(self, connection: sqlite3.Connection) -> Sequence[str]:
        rows = connection.execute(
            "SELECT id, machine, process, expires FROM runtime_owner WHERE id <> ?", (self._owner,)
        ).fetchall()
        dead = {
            id: expires for id, *process, expires in rows if ProcessIdentity(*process).is_dead()
        }
        now = clock()
        late = {id: expires for id, *_, expires in rows if expires < now and id not in dead}
        recovered: set[str] = set()
        if dead:
            recovered.update(BusyRetry(self._heartbeat)(partial(_drop, connection, dead, True)))
        if late and now > self._mercy:
            try:
                with self._merciful():
                    recovered.update(BusyRetry(BRIEF)(partial(_drop, connection, late, True)))
            except sqlite3.OperationalError as error:
                if code(error) != sqlite3.SQLITE_BUSY:
                    raise
        return sorted(recovered)

    @contextmanager
    def _merciful(self) -> Iterator[None]:
        """Give the others time for a heartbeat if what is done here had to wait for the lock."""
        began = clock()
        try:
            yield
        finally:
            if clock() - began >= BRIEF:
                self._mercy = clock() + self._heartbeat + LOOK

    def _peers(self, connection: sqlite3.Connection) -> Sequence[str]:
        rows = connection.execute("SELECT address FROM runtime_owner WHERE id <> ?", (self._owner,))
        return [address for (address,) in rows if address]


def _drop(
    connection: sqlite3.Connection, owners: Mapping[int, float], crashed: bool
) -> Sequence[str]:
    """End these leases, unless they were renewed since they expired at the given times.

    What was held is ready again; after a crash the attempt stays spent, and the messages are
    suspects. Names the queues that got something.
    """
    with _transaction(connection):
        failpoint.point("queue.sweep.before_commit")
        ended = [
            id
            for id, expires in owners.items()
            if connection.execute(
                "DELETE FROM runtime_owner WHERE id = ? AND expires = ?", (id, expires)
            ).rowcount
        ]
        marks = ",".join("?" * len(ended))
        change = "suspect = suspect + 1" if crashed else "attempt = attempt - 1"
        rows = connection.execute(
            f"UPDATE runtime_message SET state = 0, owner = NULL, {change} "
            f"WHERE state = 2 AND owner IN ({marks}) RETURNING queue",
            ended,
        ).fetchall()
    failpoint.point("queue.sweep.after_commit")
    return sorted({queue for (queue,) in rows})


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
