"""PostgresStore: the messages of a driver's queues in a PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from psycopg.types.numeric import Int4

from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.message import Message
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
from runtime.engines.queue.sql.postgres.check import Check
from runtime.engines.queue.sql.postgres.claiming import Claiming
from runtime.engines.queue.sql.postgres.due import Due
from runtime.engines.queue.sql.postgres.firing import Firing
from runtime.engines.queue.sql.postgres.keeper import Keeper
from runtime.engines.queue.sql.postgres.lanes import Lanes
from runtime.engines.queue.sql.postgres.lengths import Lengths
from runtime.engines.queue.sql.postgres.letters import Letters
from runtime.engines.queue.sql.postgres.notifier import Notifier
from runtime.engines.queue.sql.postgres.owners import IS_ALIVE
from runtime.engines.queue.sql.postgres.publishing import Publishing
from runtime.engines.queue.sql.postgres.reading import Reading
from runtime.engines.queue.sql.postgres.session import Session, Work
from runtime.engines.queue.sql.postgres.settling import Settling
from runtime.engines.queue.sql.postgres.tasks import PostgresTasks
from runtime.engines.queue.sql.postgres.tenure import Tenure
from runtime.engines.queue.sql.store import Report, StoreSettings, check_transaction
from runtime.engines.sql.contract import JoinableTransaction
from runtime.engines.sql.postgres.connection import Connection
from runtime.engines.sql.postgres.database import Database
from runtime.handlers.threads import call_threadsafe
from runtime.service import StartError, Unavailable

LEAST_DEADLINE = 2.0
"""Seconds that a statement has, however short the lease."""


class PostgresStore:
    """A `Store`: its requests go in batches over connections of its own, past any pooler."""

    def __init__(self, database: Database, settings: StoreSettings) -> None:
        self.label = database.label
        self.database = database
        self.tasks = PostgresTasks(database)
        self._settings = settings
        self._waits = settings.durable
        self._lanes = Lanes()
        # Not methods: each would be one more call for every message.
        self.claim: Callable[[Claim], asyncio.Future[Claimed]] = self._lanes.claim.ask
        self.settle: Callable[[Settle], asyncio.Future[Any]] = self._lanes.settle.ask
        # A lane sends what waits in batches, and waits for no disk.
        self.claim_lazily = self.claim_limited = self.claim
        self.settle_lazily = self.settle
        self._keeper: Keeper | None = None
        self._tenure: Tenure | None = None
        self._is_open = False
        self._early: list[Check] = []
        """Checks from before the end of `open`."""
        self._on_report: Callable[[Report], None] = lambda report: None
        self._reading: Reading | None = None

    @property
    def owner(self) -> int:
        if not self._is_open:
            raise self._not_running()
        if self._tenure is None:
            raise Unavailable(f"'{self._settings.id}' has lost its lease")
        return self._tenure.owner

    async def open(
        self,
        queues: Sequence[str],
        on_report: Callable[[Report], None],
        on_notify: Callable[[str], None],
    ) -> None:
        settings = self.database.settings
        if settings.lacks_sessions:
            raise StartError(
                f"'{settings.name}' is reached through a pooler, which queues cannot use; "
                "give it `direct`, the address of the server itself"
            )
        self._on_report = on_report
        loop = asyncio.get_running_loop()
        deadline = max(LEAST_DEADLINE, self._settings.lease / 2)
        keeper = self._keeper = Keeper(
            settings,
            self._settings,
            deadline,
            lambda check: call_threadsafe(loop, self._check, keeper, check),
            partial(call_threadsafe, loop, partial(self._hear, on_notify)),
        )
        try:
            self._tenure = tenure = await keeper.open()
            await self._lanes.connect(settings, self._settings, deadline, self._check_session)
            self._begin(tenure.schema)
        except BaseException:
            self.abandon()
            raise
        while self._early:
            self._check(keeper, self._early.pop(0))

    def _begin(self, schema: str) -> None:
        self._lengths = Lengths(schema)
        self._publishing = Publishing(schema, self._lengths)
        self._claiming = Claiming(schema)
        self._settling = Settling(schema, waits=self._waits)
        self._letters = Letters(schema, self._lengths, self._publishing)
        self._firing = Firing(schema, self._publishing)
        self._due = Due(schema)
        self._reading = Reading(schema, self.database)
        self._notifier = Notifier(self._lanes.notify_link, schema)
        self._set_tenure(self._tenure)
        self._lanes.publish.open(self._lanes.publish_link, self._publishing)
        self._lanes.claim.open(self._lanes.claim_link, self._claiming)
        self._lanes.settle.open(self._lanes.settle_link, self._settling)
        self._is_open = True

    async def close(self) -> None:
        try:
            await self._lanes.close()
            if self._keeper is not None:
                await self._keeper.close()
        finally:
            self.abandon()

    def abandon(self) -> None:
        if self._is_open:
            self._notifier.close()
        self._is_open = False
        self._tenure = None
        self._early.clear()
        self._lanes.abandon()
        if self._keeper is not None:
            self._keeper.abandon()
            self._keeper = None

    def publish(
        self, item: Publish, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]:
        if transaction is None:
            self._check_open()
            self.database.forbid_reentry()
            return self._lanes.publish.ask(item)

        async def publish(session: Session) -> Any:
            (answer,) = await self._publishing(session, [item])
            return answer

        return self._join(transaction, publish)

    def publish_many(
        self, item: PublishMany, transaction: JoinableTransaction | None
    ) -> asyncio.Future[None]:
        return self._do(lambda session: self._publishing.many(session, item), transaction)

    def hurry(self) -> None:
        """Nothing is delayed."""

    def settle_in(self, transaction: JoinableTransaction, item: Settle) -> asyncio.Future[Any]:
        return self._join(transaction, lambda session: self._settling.inside(session, item))

    def requeue(
        self, item: Requeue, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]:
        return self._do(lambda session: self._letters.requeue(session, item), transaction)

    def drop(self, item: Drop) -> asyncio.Future[Any]:
        return self._transact(lambda session: self._letters.drop(session, item))

    def fire(self, item: Fire) -> asyncio.Future[str | None]:
        return self._transact(lambda session: self._firing(session, item))

    async def last_fired(self, schedule: str) -> float | None:
        return await self._read().last_fired(schedule)

    def note(self, items: Sequence[Note]) -> asyncio.Future[Any]:
        link = self._open_lanes.settle_link
        return asyncio.ensure_future(link.call(lambda session: self._settling.note(session, items)))

    def promote(self) -> asyncio.Future[Promoted]:
        return asyncio.ensure_future(self._open_lanes.claim_link.call(self._due.promote))

    def unpark(self, queue: str) -> asyncio.Future[int]:
        link = self._open_lanes.claim_link
        return asyncio.ensure_future(link.call(partial(self._claiming.unpark, queue=queue)))

    def prune(self, item: Prune) -> asyncio.Future[int]:
        link = self._open_lanes.settle_link
        return asyncio.ensure_future(link.call(lambda session: self._due.prune(session, item)))

    async def count(self, queue: str) -> Info:
        return await self._read().count(queue)

    async def dead_letters(self, queue: str, died_in: str | None, limit: int) -> Sequence[Message]:
        return await self._read().letters(queue, died_in, limit)

    async def count_dead_letters(self, queue: str, died_in: str) -> int:
        return await self._read().count_letters(queue, died_in)

    async def find_dead_letter(self, queue: str, died_in: str | None, id: str) -> Message | None:
        return await self._read().find(queue, died_in, id)

    def after_commit(self, transaction: JoinableTransaction, callback: Callable[[], None]) -> None:
        self._joined(transaction).after_commit(callback)

    def notify(self, queues: Collection[str]) -> None:
        if self._is_open:
            self._notifier.notify(queues)

    def _do(self, work: Work[Any], within: JoinableTransaction | None) -> asyncio.Future[Any]:
        return self._transact(work) if within is None else self._join(within, work)

    def _join(self, transaction: JoinableTransaction, work: Work[Any]) -> asyncio.Future[Any]:
        """Do work as a step of a transaction."""
        self._check_open()
        # What its commit waits for is the database's own setting, which may be less.
        waits = self._waits and not self.database.settings.durable

        async def step(raw: Connection) -> Any:
            session = Session(raw, prepare=False)
            if waits:
                await session.command(b"SET LOCAL synchronous_commit = on")
            return await work(session)

        return self._joined(transaction).add(step)

    def _transact(self, work: Work[Any]) -> asyncio.Future[Any]:
        self._check_open()
        self.database.forbid_reentry()
        return asyncio.ensure_future(self._lanes.publish_link.transact(work))

    def _read(self) -> Reading:
        # Also while it is closed: only the name of the schema is needed.
        if self._reading is None:
            raise self._not_running()
        return self._reading

    def _joined(self, transaction: JoinableTransaction) -> JoinableTransaction:
        return check_transaction(transaction, self.database, self.label, self._settings.id)

    @property
    def _open_lanes(self) -> Lanes:
        self._check_open()
        return self._lanes

    def _check_open(self) -> None:
        if not self._is_open:
            raise self._not_running()

    def _not_running(self) -> Unavailable:
        return Unavailable(f"'{self._settings.id}' is not running")

    async def _check_session(self, session: Session) -> None:
        """Refuse a connection to a server that has restarted since the lease was taken: what was
        claimed before is forgotten there, and would be claimed again under the same owner.
        """
        tenure = self._tenure
        if tenure is None or not await session.query(
            IS_ALIVE, Int4(tenure.pid), tenure.backend_start
        ):
            raise Unavailable(f"'{self._settings.id}' has lost its lease")

    def _set_tenure(self, tenure: Tenure | None) -> None:
        self._tenure = tenure
        if tenure is None:
            return  # what is held stays so until there is another owner, or is refused by then
        self._claiming.tenure = self._settling.tenure = self._letters.tenure = tenure

    def _check(self, keeper: Keeper, check: Check) -> None:
        """Pass on a check of the keeper's."""
        if self._keeper is not keeper:
            return
        if not self._is_open:
            self._tenure = check.tenure
            self._early.append(check)
            return
        self._set_tenure(check.tenure)
        self._notifier.peers = check.peers
        self._lengths.forget()
        self._on_report(check.report())

    def _hear(self, on_notify: Callable[[str], None], pid: int, queue: str) -> None:
        if self._is_open and pid != self._notifier.pid:
            on_notify(queue)
