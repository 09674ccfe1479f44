"""Driver: the durable queues of one database, in this program."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.maintenance import Maintenance
from runtime.engines.queue.sql.operations import Claim, Publish, Settle
from runtime.engines.queue.sql.queue import SqlQueue
from runtime.engines.queue.sql.sqlite import store
from runtime.engines.queue.sql.sqlite.lease import Lease, Report
from runtime.engines.queue.sql.sqlite.notifier import Notifier
from runtime.engines.sql.contract import JoinableTransaction
from runtime.engines.sql.sqlite.batch import BatchFunction
from runtime.engines.sql.sqlite.database import Database
from runtime.handlers.threads import run_in_thread
from runtime.service import Ready, StartError, Unavailable

log = logging.getLogger("runtime.queue")


class DurableDriver:
    """A service. Its lines may be asked only while it runs; else they raise Unavailable."""

    def __init__(
        self,
        id: str,
        database: Database,
        *,
        lease: float = 10.0,
        heartbeat: float = 3.0,
        retention: float | None = None,
    ) -> None:
        self.lines: dict[str, SqlQueue] = {}
        self.database = database
        self._id = id
        self._lease_time = lease
        self._heartbeat = heartbeat
        self._settling: BatchFunction = store.settle(keep_done=retention is not None)
        self._upkeep = Maintenance(id, self._ask, self.ring, self._settling, retention)
        self._owner = 0
        self._peers: Sequence[str] = ()
        self._doorbell: Notifier | None = None
        self._rung: set[str] = set()
        self._silent = False

    def line(self, name: str, max_length: int) -> SqlQueue:
        """The line called `name`; asked again, the same one with the new length."""
        line = self.lines.setdefault(name, SqlQueue(self, name, max_length))
        line.max_length = max_length
        return line

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Take a lease, keep it until `stop`, and give up what is still held under it."""
        loop = asyncio.get_running_loop()
        self._doorbell = Notifier(self._wake)
        lease = Lease(
            self.database.connect,
            self.database.label,
            list(self.lines),
            self._doorbell.address,
            self._lease_time,
            self._heartbeat,
            lambda report: _tell(loop, lambda: self._hear(report)),
        )
        try:
            await self._open(lease)
            lease.keep()
            ready(self.database.label)
            self._upkeep.promote()  # what is due by now, and the timer for what is not
            for line in self.lines.values():
                line.wake()
            await stop.wait()
            await self._upkeep.finish()
            await self._leave(lease)
        except BaseException:
            lease.abandon()
            raise
        finally:
            self._owner = 0
            self._upkeep.close()
            self._doorbell.close()
            self._doorbell = None

    @property
    def owner(self) -> int:
        if not self._owner:
            raise Unavailable(f"'{self._id}' is not running")
        return self._owner

    def publish(
        self, item: Publish, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]:
        if transaction is None:
            self.database.forbid_reentry()
        return self._ask(store.publish, item, transaction)

    def claim(self, item: Claim) -> asyncio.Future[Any]:
        return self._ask(store.claim, item)

    def settle(
        self, item: Settle, transaction: JoinableTransaction | None = None
    ) -> asyncio.Future[Any]:
        return self._ask(self._settling, item, transaction)

    def settle_later(self, item: Settle, id: str) -> None:
        self._upkeep.settle_later(item, id)

    def due(self, when: float) -> None:
        self._upkeep.due(when)

    def after_commit(self, transaction: JoinableTransaction, callback: Callable[[], None]) -> None:
        self._own(transaction).after_commit(callback)

    def ring(self, queue: str) -> None:
        """Wake this program's consumers of a queue and everybody else's, once a tick."""
        if not self._rung:
            asyncio.get_running_loop().call_soon(self._ring)
        self._rung.add(queue)

    async def count(self, queue: str) -> Info:
        rows = await self.database.query(
            "SELECT state, count(*) AS n FROM runtime_message WHERE queue = ? GROUP BY state",
            (queue,),
        )
        counts = {row["state"]: row["n"] for row in rows}
        ready, delayed, running, dead = (counts.get(state, 0) for state in range(4))
        return Info(ready, delayed, running, dead)

    async def dead(self, queue: str, limit: int) -> Sequence[Message]:
        rows = await self.database.query(
            "SELECT id, body, headers, published FROM runtime_message "
            "WHERE queue = ? AND state = 3 ORDER BY seq LIMIT ?",
            (queue, limit),
        )
        return [
            Message(row["id"], row["body"], store.parsed(row["headers"]), 0, row["published"])
            for row in rows
        ]

    def _ask(
        self, work: BatchFunction, item: Any, transaction: JoinableTransaction | None = None
    ) -> asyncio.Future[Any]:
        if not self._owner:
            raise Unavailable(f"'{self._id}' is not running")
        if transaction is None:
            return self.database.batch(work, item)
        return self._own(transaction).add(lambda connection: work(connection, [item])[0])

    def _own(self, transaction: JoinableTransaction) -> JoinableTransaction:
        """The transaction, if it belongs to this driver's database."""
        database = getattr(transaction, "database", None)
        if database is None:
            raise TypeError(
                f"the transaction is of type {type(transaction).__name__}; "
                "give what `async with db.transaction()` or `sql.transaction()` gave"
            )
        if database is not self.database:
            raise ValueError(
                f"the transaction is not one of '{self.database.label}', "
                f"where '{self._id}' keeps its messages"
            )
        return transaction

    async def _open(self, lease: Lease) -> None:
        try:
            self._owner = await run_in_thread("lease", lease.open)
        except sqlite3.Error as error:
            label, code = self.database.label, getattr(error, "sqlite_errorcode", 0)
            if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
                raise Unavailable(f"'{label}' cannot be used yet: {error}") from None
            # Tables that are not as they should be stay so.
            raise StartError(f"'{label}' cannot be used: {error}; it was left as it is") from None

    async def _leave(self, lease: Lease) -> None:
        try:
            await run_in_thread("lease", lease.close)
        except (sqlite3.Error, Unavailable) as error:
            text = "%s: the lease could not be ended, what is held waits until it runs out: %s"
            log.warning(text, self._id, error, extra={"entry": self._id})

    def _hear(self, report: Report) -> None:
        """What the lease's thread saw."""
        if not self._owner:
            return
        self._peers = report.peers
        if report.fault is not None:
            if not self._silent:
                text = "%s: the database cannot be reached: %s"
                log.warning(text, self._id, report.fault, extra={"entry": self._id})
            self._silent = True
            return
        self._silent = False
        if report.lost:
            self._owner = report.owner
            for line in self.lines.values():
                line.lose()
            text = "%s: lease lost; what was in hand is somebody else's now, and its end is ignored"
            log.error(text, self._id, extra={"entry": self._id})
        for queue in report.recovered:
            text = "%s: messages of '%s' that a dead program held are ready again"
            log.warning(text, self._id, queue, extra={"entry": self._id})
        if report.next_due is not None:
            self.due(report.next_due)
        for line in self.lines.values():
            line.wake()
        self._upkeep.prune()

    def _wake(self, queue: str) -> None:
        if line := self.lines.get(queue):
            line.wake()

    def _ring(self) -> None:
        queues, self._rung = self._rung, set()
        for queue in queues:
            self._wake(queue)
            if self._doorbell is not None and self._peers:
                self._doorbell.ring(self._peers, queue)


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Call back on the loop, from another thread."""
    with suppress(RuntimeError):  # the loop is closed: nobody listens any more
        loop.call_soon_threadsafe(callback)
