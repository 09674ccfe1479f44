"""SqliteStore: the messages of a driver's queues in a SQLite database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.columns import decode_headers, from_micros, seconds_until
from runtime.engines.queue.sql.operations import (
    Claim,
    Claimed,
    Drop,
    Fire,
    Note,
    Promoted,
    Prune,
    Publish,
    PublishMany,
    Requeue,
    Settle,
)
from runtime.engines.queue.sql.sqlite.bulk import Bulk
from runtime.engines.queue.sql.sqlite.firing import LAST_FIRED, Firing
from runtime.engines.queue.sql.sqlite.lease import Check, Lease
from runtime.engines.queue.sql.sqlite.letters import Letters
from runtime.engines.queue.sql.sqlite.limiting import Limiting
from runtime.engines.queue.sql.sqlite.notifier import Notifier
from runtime.engines.queue.sql.sqlite.settling import Settling
from runtime.engines.queue.sql.sqlite.statements import Statements
from runtime.engines.queue.sql.sqlite.tasks import SqliteTasks
from runtime.engines.queue.sql.store import Report, StoreSettings, check_transaction
from runtime.engines.sql.contract import JoinableTransaction
from runtime.engines.sql.inline_future import InlineFuture
from runtime.engines.sql.reentrancy import forbid_reentry
from runtime.engines.sql.sqlite.batch import BatchFunction
from runtime.engines.sql.sqlite.database import Database
from runtime.handlers.threads import call_threadsafe, run_in_thread
from runtime.service import StartError, Unavailable


class SqliteStore:
    """A `Store`: its requests are items of the writer's batches, beside those of handlers."""

    def __init__(self, database: Database, settings: StoreSettings) -> None:
        if settings.durable:
            database.make_durable()
        self.label = database.label
        self.database = database
        self._settings = settings
        self._time = settings.clock.time
        self._statements = Statements(self._time)
        self._settling = Settling(self._time)
        self.tasks = SqliteTasks(database, self._time)
        self._letters = Letters(self._time)
        self._firing = Firing(self._statements)
        self._bulk = Bulk(self._statements)
        self._limiting = Limiting(self._time)
        # Not methods: each would be one more call for every message. A settlement needs no lease
        # of this program, since the token is compared, and a claim names one.
        self.claim: Callable[[Claim], asyncio.Future[Claimed]] = partial(
            database.batch, self._statements.claim
        )
        self.settle: Callable[[Settle], asyncio.Future[Any]] = partial(
            database.batch, self._settling.settle
        )
        self.claim_lazily: Callable[[Claim], InlineFuture] = partial(
            database.batch_lazily, self._statements.claim
        )
        self.settle_lazily: Callable[[Settle], InlineFuture] = partial(
            database.batch_lazily, self._settling.settle
        )
        self.claim_limited: Callable[[Claim], asyncio.Future[Claimed]] = partial(
            database.batch, self._limiting.claim
        )
        self._owner = 0
        self._lease: Lease | None = None
        self._notifier: Notifier | None = None
        self._peers: Sequence[str] = ()

    @property
    def owner(self) -> int:
        if not self._owner:
            raise self._not_running()
        return self._owner

    async def open(
        self,
        queues: Sequence[str],
        on_report: Callable[[Report], None],
        on_notify: Callable[[str], None],
    ) -> None:
        self._notifier = Notifier(on_notify)
        self._lease = Lease(
            self.database.connect,
            self.label,
            queues,
            self._notifier.address,
            self._settings.lease,
            self._settings.heartbeat,
            partial(call_threadsafe, asyncio.get_running_loop(), partial(self._report, on_report)),
        )
        try:
            self._owner = await run_in_thread("lease", self._lease.open)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0)
            if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
                raise Unavailable(f"'{self.label}' cannot be used yet: {error}") from None
            # Tables that are not as expected will not change by waiting.
            text = f"'{self.label}' cannot be used: {error}; it was left as it is"
            raise StartError(text) from None
        self._lease.keep()

    async def close(self) -> None:
        try:
            if self._lease is not None:
                await run_in_thread("lease", self._lease.close)
        except sqlite3.Error as error:
            raise Unavailable(str(error)) from None
        finally:
            self.abandon()

    def abandon(self) -> None:
        self._owner = 0
        if self._lease is not None:
            self._lease.abandon()
            self._lease = None
        if self._notifier is not None:
            self._notifier.close()
            self._notifier = None

    def publish(
        self, item: Publish, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]:
        return self._change(self._statements.publish, item, transaction)

    def publish_many(
        self, item: PublishMany, transaction: JoinableTransaction | None
    ) -> asyncio.Future[None]:
        return self._change(self._bulk.publish, item, transaction)

    def hurry(self) -> None:
        self.database.hurry()

    def settle_in(self, transaction: JoinableTransaction, item: Settle) -> asyncio.Future[Any]:
        return self._change(self._settling.settle, item, transaction)

    def requeue(
        self, item: Requeue, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]:
        return self._change(self._letters.requeue, item, transaction)

    def drop(self, item: Drop) -> asyncio.Future[Any]:
        return self._change(self._letters.drop, item, None)

    def fire(self, item: Fire) -> asyncio.Future[str | None]:
        return self._change(self._firing.fire, item, None)

    async def last_fired(self, schedule: str) -> float | None:
        if not self._owner:
            raise self._not_running()
        rows = await self.database.query(LAST_FIRED, (schedule,))
        return from_micros(rows[0]["at"])

    def note(self, items: Sequence[Note]) -> asyncio.Future[Any]:
        return self._batch(self._settling.note, items)

    def promote(self) -> asyncio.Future[Promoted]:
        return self._batch(self._statements.promote, None)

    def unpark(self, queue: str) -> asyncio.Future[int]:
        return self._batch(self._limiting.unpark, queue)

    def prune(self, item: Prune) -> asyncio.Future[int]:
        return self._batch(self._statements.prune, item)

    async def count(self, queue: str) -> Info:
        rows = await self.database.query(
            "SELECT state, count(*) AS n FROM runtime_message WHERE queue = ? GROUP BY state",
            (queue,),
        )
        counts = {row["state"]: row["n"] for row in rows}
        parked, ready, delayed, running, dead = (counts.get(state, 0) for state in range(-1, 4))
        return Info(parked + ready, delayed, running, dead)

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

    def after_commit(self, transaction: JoinableTransaction, callback: Callable[[], None]) -> None:
        self._joined(transaction).after_commit(callback)

    def notify(self, queues: Collection[str]) -> None:
        if self._notifier is not None and self._peers:
            for queue in queues:
                self._notifier.notify(self._peers, queue)

    def _change(
        self, function: BatchFunction, item: Any, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]:
        """Run an item of a batch, or a step of a transaction."""
        if not self._owner:
            raise self._not_running()
        if transaction is None:
            forbid_reentry(self.database)
            return self.database.batch(function, item)
        transaction = self._joined(transaction)
        return transaction.add(lambda connection: function(connection, [item])[0])

    def _batch(self, function: BatchFunction, item: Any) -> asyncio.Future[Any]:
        if not self._owner:
            raise self._not_running()
        return self.database.batch(function, item)

    def _joined(self, transaction: JoinableTransaction) -> JoinableTransaction:
        return check_transaction(transaction, self.database, self.label, self._settings.id)

    def _not_running(self) -> Unavailable:
        return Unavailable(f"'{self._settings.id}' is not running")

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

    def _report(self, on_report: Callable[[Report], None], check: Check) -> None:
        """Pass on a check of the lease's thread."""
        if not self._owner:
            return
        self._owner = check.owner
        self._peers = check.peers
        now, due_in = self._time(), None
        if check.next_due is not None:
            due_in = seconds_until(check.next_due, now)
        on_report(
            Report(
                check.expired,
                check.rescued,
                due_in,
                check.fault,
                is_to_prune=check.next_expiry is not None and check.next_expiry <= now,
                cancelling=check.cancelling,
                paused=check.paused,
                renewed=check.renewed,
                held=check.held,
            )
        )


def _letters_of(queue: str, died_in: str | None) -> tuple[str, tuple[str, ...]]:
    """The condition for dead letters in the driver's store, or of a queue that received them."""
    # The terms are those of the indexes.
    if died_in is None:
        return "queue = ? AND died_in IS NOT NULL AND state = 3", (queue,)
    condition = "queue = ? AND died_in = ? AND died_in IS NOT NULL AND state < 3"
    return condition, (queue, died_in)
