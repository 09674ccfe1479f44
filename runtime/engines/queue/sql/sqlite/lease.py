"""Lease: one row that proves this program alive, renewed by a thread that needs no event loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

import msgspec

from runtime import failpoint
from runtime.engines.queue.sql.columns import from_micros
from runtime.engines.queue.sql.sqlite.liveness import ProcessIdentity, clock
from runtime.engines.queue.sql.sqlite.rescue import end_leases, transaction
from runtime.engines.queue.sql.sqlite.statements import next_due, recount
from runtime.engines.queue.sql.sqlite.tables import prepare
from runtime.engines.sql.sqlite.busy_retry import BusyRetry
from runtime.engines.sql.sqlite.errors import code
from runtime.engines.sql.sqlite.mount import is_on_local_disk

CHECK_INTERVAL = 1.0
"""Seconds between two checks of the other owners and of the next due message."""
BRIEF_WAIT = 0.1
"""Longest wait for the write lock, in seconds, before we assume that the other owners could not
renew their leases either.
"""

_CANCELLING = "SELECT seq FROM runtime_message WHERE owner = ? AND cancelling = 1 AND state = 2"
_NEXT_EXPIRY = "SELECT min(expires) FROM runtime_message WHERE expires IS NOT NULL"


class Check(msgspec.Struct, frozen=True):
    """The result of a check, for the store on the event loop."""

    owner: int
    expired: bool
    """True if the lease had expired, so that all messages held under it were reassigned."""
    peers: Sequence[str]
    """The addresses of the other owners."""
    next_due: float | None
    """The time when the next delayed message is due, in seconds since 1970."""
    rescued: Sequence[str]
    """The queues that got back messages of a dead owner."""
    fault: str | None = None
    """The error of a check that failed, whose other fields mean nothing."""
    next_expiry: float | None = None
    """The time when the next message is to be deleted that was kept, in seconds since 1970."""
    cancelling: Sequence[int] = ()
    paused: Sequence[str] = ()
    renewed: bool = False
    held: bool = True


class Lease:
    """Holds a lease, releases the messages of dead owners, and reports.

    It has its own connection and thread, so a handler that blocks the event loop does not keep it
    from renewing. A write lock of whichever program does, and it keeps all owners from renewing:
    after a long lock, an expired lease is ended only once its owner had time to renew it.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        label: str,
        queues: Sequence[str],
        address: str,
        lease: float,
        heartbeat: float,
        report: Callable[[Check], None],
    ) -> None:
        """`connect()` opens a connection that does not wait for locks; `report` is called in the
        lease's thread. Times in seconds.
        """
        self._connect = connect
        self._label = label
        self._queues = queues
        self._address = address
        self._lease = lease
        self._heartbeat = heartbeat
        self._report = report
        self._process = ProcessIdentity.current()
        self._stop = Event()
        self._owner = 0
        self._expires = 0.0
        self._rescued: Sequence[str] = ()
        """The queues that `open` rescued messages of, until they are reported."""
        self._grace_until = 0.0
        """Expired leases are not ended before this time."""
        self._on_local_disk = False
        self._unrenewed: dict[int, tuple[float, float]] = {}
        """Leases whose time is not by our clock: their expiry, and since when we have seen it."""
        self._thread = Thread(target=self._main, name=f"lease {label}", daemon=True)

    def open(self) -> int:
        """Create the tables, take a lease, and release messages of dead programs before anything
        newer is claimed. Returns the owner's id. Blocks. Raises StartError, or what sqlite3 raises.
        """
        connection = self._connect()
        try:
            BusyRetry(self._lease / 2)(lambda: self._begin(connection))
            self._on_local_disk = _is_on_local_disk(connection)
            self._rescued = self._rescue(connection)
        finally:
            connection.close()
        return self._owner

    def keep(self) -> None:
        """Start renewing."""
        self._thread.start()

    def close(self) -> None:
        """End the lease, and release all messages still held under it. Blocks for a moment."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CHECK_INTERVAL)
        connection = self._connect()
        try:
            owner = {self._owner: self._expires}
            BusyRetry(CHECK_INTERVAL)(lambda: end_leases(connection, owner, crashed=False))
        finally:
            connection.close()

    def abandon(self) -> None:
        """Stop renewing, and leave the messages to other owners or the next start."""
        self._stop.set()

    def _begin(self, connection: sqlite3.Connection) -> None:
        with transaction(connection):
            failpoint.point("queue.lease.before_commit")
            prepare(connection, self._label)
            recount(connection, self._queues)
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
        try:
            while not self._stop.wait(pause):
                pause = min(CHECK_INTERVAL, self._heartbeat)
                expired = renewed = False
                try:
                    if connection is None:
                        connection = self._connect()
                    if clock() >= renew:
                        with self._grace_after_lock():
                            renewal = partial(self._renew, connection)
                            renewed = BusyRetry(self._heartbeat)(renewal)
                        expired = not renewed
                        renew = clock() + self._heartbeat
                    rescued = [*self._rescued, *self._rescue(connection)]
                    self._rescued = ()
                    peers = self._peers(connection)
                    self._report(self._look(connection, expired, renewed, peers, rescued))
                except sqlite3.Error as error:
                    if connection is not None:
                        connection.close()
                    connection = None
                    held, fault = clock() < self._expires, str(error)
                    known = self._owner, expired, peers, None, ()
                    self._report(Check(*known, fault, renewed=renewed, held=held))
        finally:
            if connection is not None:
                connection.close()

    def _look(
        self,
        connection: sqlite3.Connection,
        expired: bool,
        renewed: bool,
        peers: Sequence[str],
        rescued: Sequence[str],
    ) -> Check:
        cancelling = connection.execute(_CANCELLING, (self._owner,)).fetchall()
        return Check(
            self._owner,
            expired,
            peers,
            next_due(connection),
            rescued,
            renewed=renewed,
            next_expiry=from_micros(connection.execute(_NEXT_EXPIRY).fetchone()[0]),
            cancelling=[seq for (seq,) in cancelling],
            paused=[queue for (queue,) in connection.execute("SELECT queue FROM runtime_pause")],
        )

    def _renew(self, connection: sqlite3.Connection) -> bool:
        """Renew the lease, or take another one if it was ended; False in that case."""
        expires = clock() + self._lease
        renewed = connection.execute(
            "UPDATE runtime_owner SET expires = ? WHERE id = ?", (expires, self._owner)
        ).rowcount
        if renewed:
            self._expires = expires
        else:
            self._take(connection)
        return bool(renewed)

    def _rescue(self, connection: sqlite3.Connection) -> Sequence[str]:
        """Release the messages of dead owners, and of those whose lease expired. Returns the
        queues that got some.
        """
        rows = connection.execute(
            "SELECT id, machine, process, expires FROM runtime_owner WHERE id <> ?", (self._owner,)
        ).fetchall()
        now = clock()
        dead: dict[int, float] = {}
        late: dict[int, float] = {}
        for id, machine, process, expires in rows:
            other = ProcessIdentity(machine, process)
            if other.is_dead(self._process, self._on_local_disk):
                dead[id] = expires
            elif self._has_expired(id, other, expires, now):
                late[id] = expires
        self._unrenewed = {id: self._unrenewed[id] for id, *_ in rows if id in self._unrenewed}
        rescued: set[str] = set()
        if dead:
            rescued.update(BusyRetry(self._heartbeat)(partial(end_leases, connection, dead, True)))
        if late and now > self._grace_until:
            try:
                with self._grace_after_lock():
                    rescued.update(
                        BusyRetry(BRIEF_WAIT)(partial(end_leases, connection, late, True))
                    )
            except sqlite3.OperationalError as error:
                if code(error) != sqlite3.SQLITE_BUSY:
                    raise
        return sorted(rescued)

    def _has_expired(self, id: int, other: ProcessIdentity, expires: float, now: float) -> bool:
        """True if a lease has expired: by its time, or, if that is by another clock than ours,
        because it was not renewed while we watched it for as long."""
        if other.shares_clock(self._process):
            return expires < now
        seen, since = self._unrenewed.setdefault(id, (expires, now))
        if seen != expires:
            self._unrenewed[id] = expires, now
            return False
        return now - since > self._lease + self._heartbeat + CHECK_INTERVAL

    @contextmanager
    def _grace_after_lock(self) -> Iterator[None]:
        """Give the other owners time for a heartbeat, if the block had to wait for the lock."""
        began = clock()
        try:
            yield
        finally:
            if clock() - began >= BRIEF_WAIT:
                self._grace_until = clock() + self._heartbeat + CHECK_INTERVAL

    def _peers(self, connection: sqlite3.Connection) -> Sequence[str]:
        rows = connection.execute("SELECT address FROM runtime_owner WHERE id <> ?", (self._owner,))
        return [address for (address,) in rows if address]


def _is_on_local_disk(connection: sqlite3.Connection) -> bool:
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    return bool(path) and is_on_local_disk(Path(path))
