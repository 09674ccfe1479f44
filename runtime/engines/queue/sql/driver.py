"""SqlDriver: the queues of one database, in this program."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from runtime.clock import REAL, Clock
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.maintenance import Maintenance
from runtime.engines.queue.sql.operations import Claim, Drop, Publish, Requeue, Settle
from runtime.engines.queue.sql.queue import SqlQueue
from runtime.engines.queue.sql.sqlite.lease import Lease, Report
from runtime.engines.queue.sql.sqlite.letters import Letters
from runtime.engines.queue.sql.sqlite.notifier import Notifier
from runtime.engines.queue.sql.sqlite.store import Store, decode_headers
from runtime.engines.sql.contract import JoinableTransaction
from runtime.engines.sql.sqlite.batch import BatchFunction
from runtime.engines.sql.sqlite.database import Database
from runtime.handlers.threads import call_threadsafe, run_in_thread
from runtime.loggers import logger
from runtime.service import Ready, StartError, Unavailable

log = logger("runtime.queue")


class SqlDriver:
    """A service. A published message is kept until it is settled, whatever crashes meanwhile.

    Its queues can be used only while it runs; otherwise they raise Unavailable.
    """

    def __init__(
        self,
        id: str,
        database: Database,
        *,
        lease: float,
        heartbeat: float,
        retention: float | None = None,
        clock: Clock = REAL,
    ) -> None:
        """Times in seconds; without `retention`, finished messages are deleted at once."""
        self.queues: dict[str, SqlQueue] = {}
        self.database = database
        self.clock = clock
        self.store = Store(clock.time, keep_done=retention is not None)
        self._letters = Letters(clock.time)
        self._id = id
        self._lease_time = lease
        self._heartbeat = heartbeat
        # Not a method: it would be one more call for every message. A settlement needs no lease of
        # this program, since the store compares the message's token.
        self.settle: Callable[[Settle], asyncio.Future[Any]] = partial(
            database.batch, self.store.settle
        )
        self._maintenance = Maintenance(id, self, retention)
        self._owner = 0
        self._peers: Sequence[str] = ()
        self._notifier: Notifier | None = None
        self._to_notify: set[str] = set()
        self._is_unreachable = False

    def declare(self, name: str, options: Mapping[str, Mapping[str, Any]]) -> SqlQueue:
        """The queue of that name; declared again, the same one with the new options."""
        max_length = options["sql"]["max_length"]
        queue = self.queues.setdefault(name, SqlQueue(self, name, max_length))
        queue.max_length = max_length
        return queue

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Take a lease, renew it until `stop`, and release what is still held under it."""
        loop = asyncio.get_running_loop()
        self._notifier = Notifier(self._wake)
        lease = Lease(
            self.database.connect,
            self.database.label,
            list(self.queues),
            self._notifier.address,
            self._lease_time,
            self._heartbeat,
            partial(call_threadsafe, loop, self._on_report),
        )
        try:
            await self._open(lease)
            lease.keep()
            ready(self.database.label)
            self._maintenance.promote()  # messages due by now, and the timer for the others
            for queue in self.queues.values():
                queue.wake()
            await stop.wait()
            await self._maintenance.finish()
            await self._close(lease)
        except BaseException:
            lease.abandon()
            raise
        finally:
            self._owner = 0
            self._maintenance.close()
            self._notifier.close()
            self._notifier = None

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
        return self.submit(self.store.publish, item, transaction)

    def requeue(
        self, item: Requeue, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]:
        if transaction is None:
            self.database.forbid_reentry()
        return self.submit(self._letters.requeue, item, transaction)

    def drop(self, item: Drop) -> asyncio.Future[Any]:
        self.database.forbid_reentry()
        return self.submit(self._letters.drop, item)

    def claim(self, item: Claim) -> asyncio.Future[Any]:
        return self.submit(self.store.claim, item)

    def settle_in(self, transaction: JoinableTransaction, item: Settle) -> asyncio.Future[Any]:
        return self.submit(self.store.settle, item, transaction)

    def settle_later(self, item: Settle, id: str) -> None:
        self._maintenance.settle_later(item, id)

    def schedule(self, due: float) -> None:
        self._maintenance.schedule(due)

    def after_commit(self, transaction: JoinableTransaction, callback: Callable[[], None]) -> None:
        self._check_transaction(transaction).after_commit(callback)

    def notify(self, queue: str) -> None:
        """Wake the consumers of a queue, in this program and others, once per turn of the loop."""
        if not self._to_notify:
            asyncio.get_running_loop().call_soon(self._notify)
        self._to_notify.add(queue)

    async def count(self, queue: str) -> Info:
        rows = await self.database.query(
            "SELECT state, count(*) AS n FROM runtime_message WHERE queue = ? GROUP BY state",
            (queue,),
        )
        counts = {row["state"]: row["n"] for row in rows}
        ready, delayed, running, dead = (counts.get(state, 0) for state in range(4))
        return Info(ready, delayed, running, dead)

    async def dead_letters(self, queue: str, died_in: str | None, limit: int) -> Sequence[Message]:
        where, values = _letters_of(queue, died_in)
        return await self._read(f"{where} ORDER BY seq LIMIT ?", *values, limit)

    async def count_dead_letters(self, queue: str, died_in: str) -> int:
        where, values = _letters_of(queue, died_in)
        rows = await self.database.query(
            f"SELECT count(*) AS n FROM runtime_message WHERE {where}", values
        )
        return int(rows[0]["n"])

    async def find_dead_letter(self, queue: str, died_in: str | None, id: str) -> Message | None:
        # The plus keeps SQLite from the index that has all letters of a queue.
        where, values = "id = ? AND died_in IS NOT NULL AND +queue = ?", [id, queue]
        if died_in is None:
            letters = await self._read(f"{where} AND state = 3 LIMIT 1", *values)
        else:
            where += " AND +died_in = ? AND state < 2"
            letters = await self._read(f"{where} LIMIT 1", *values, died_in)
        return letters[0] if letters else None

    async def _read(self, where: str, *values: object) -> Sequence[Message]:
        rows = await self.database.query(
            "SELECT id, body, headers, published, token, priority, unique_key "
            f"FROM runtime_message WHERE {where}",
            values,
        )
        return [
            Message(id, body, decode_headers(headers), 0, *values)
            for id, body, headers, *values in (row.values() for row in rows)
        ]

    def submit(
        self, function: BatchFunction, item: Any, transaction: JoinableTransaction | None = None
    ) -> asyncio.Future[Any]:
        """Run an item of a batch, or a step of a transaction. Raises Unavailable."""
        if not self._owner:
            raise Unavailable(f"'{self._id}' is not running")
        if transaction is None:
            return self.database.batch(function, item)
        transaction = self._check_transaction(transaction)
        return transaction.add(lambda connection: function(connection, [item])[0])

    def _check_transaction(self, transaction: JoinableTransaction) -> JoinableTransaction:
        """The transaction, if it belongs to this driver's database. Raises TypeError or
        ValueError.
        """
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
            # Tables that are not as expected will not change by waiting.
            raise StartError(f"'{label}' cannot be used: {error}; it was left as it is") from None

    async def _close(self, lease: Lease) -> None:
        try:
            await run_in_thread("lease", lease.close)
        except (sqlite3.Error, Unavailable) as error:
            text = "%s: the lease could not be ended, its messages wait until it expires: %s"
            log.warning(text, self._id, error, extra={"entry": self._id})

    def _on_report(self, report: Report) -> None:
        """Act on a report of the lease's thread."""
        if not self._owner:
            return
        self._peers = report.peers
        if report.fault is not None:
            if not self._is_unreachable:
                text = "%s: the database cannot be reached: %s"
                log.warning(text, self._id, report.fault, extra={"entry": self._id})
            self._is_unreachable = True
            return
        self._is_unreachable = False
        if report.expired:
            self._owner = report.owner
            for queue in self.queues.values():
                queue.lease_expired()
            text = (
                "%s: lease expired: in-flight messages were reassigned, "
                "their results will be ignored"
            )
            log.error(text, self._id, extra={"entry": self._id})
        for name in report.rescued:
            text = "%s: messages of '%s' that a dead program held are ready again"
            log.warning(text, self._id, name, extra={"entry": self._id})
        if report.next_due is not None:
            self.schedule(report.next_due)
        for queue in self.queues.values():
            queue.wake()
        self._maintenance.prune()

    def _wake(self, name: str) -> None:
        if queue := self.queues.get(name):
            queue.wake()

    def _notify(self) -> None:
        names, self._to_notify = self._to_notify, set()
        for name in names:
            self._wake(name)
            if self._notifier is not None and self._peers:
                self._notifier.notify(self._peers, name)


def _letters_of(queue: str, died_in: str | None) -> tuple[str, tuple[str, ...]]:
    """The condition for dead letters in the driver's store, or of a queue that received them."""
    # The terms are those of the indexes.
    if died_in is None:
        return "queue = ? AND died_in IS NOT NULL AND state = 3", (queue,)
    condition = "queue = ? AND died_in = ? AND died_in IS NOT NULL AND state < 3"
    return condition, (queue, died_in)
