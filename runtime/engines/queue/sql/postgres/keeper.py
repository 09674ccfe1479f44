"""Keeper: holds a store's lease, in a thread of its own with an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from random import uniform
from threading import Thread
from typing import TypeVar

import psycopg

from runtime.engines.queue.sql.postgres.check import Check
from runtime.engines.queue.sql.postgres.due import Due
from runtime.engines.queue.sql.postgres.leader import Leader
from runtime.engines.queue.sql.postgres.link import Link
from runtime.engines.queue.sql.postgres.listening import Listening
from runtime.engines.queue.sql.postgres.notifier import channel
from runtime.engines.queue.sql.postgres.owners import Owners
from runtime.engines.queue.sql.postgres.session import Session, Work, session_settings
from runtime.engines.queue.sql.postgres.tables import prepare
from runtime.engines.queue.sql.postgres.tenure import Tenure
from runtime.engines.queue.sql.store import StoreSettings
from runtime.engines.sql.postgres.errors import is_transient, message
from runtime.engines.sql.postgres.settings import Settings
from runtime.handlers.threads import call_threadsafe, resolve
from runtime.service import StartError, Unavailable

T = TypeVar("T")

CHECK_INTERVAL = 1.0
"""Most seconds between two checks, on average."""
JITTER = 0.2
"""The part by which a check is earlier or later: programs must not check in step."""


class Keeper:
    """Renews the lease, ends those of dead owners, listens, and reports; and leads if it can.

    All on one session, whose end is the end of the lease: the server notices at once that a program
    was killed. A handler that blocks the store's event loop keeps nothing from renewing.
    """

    def __init__(
        self,
        settings: Settings,
        store: StoreSettings,
        deadline: float,
        on_check: Callable[[Check], None],
        on_notify: Callable[[int, str], None],
    ) -> None:
        """`on_check` and `on_notify` are called in the keeper's thread; the latter with the
        server's process that notifies, and the queue. `deadline` in seconds, for each statement.
        """
        self._settings = settings
        self._store = store
        self._deadline = deadline
        self._on_check = on_check
        self._on_notify = on_notify
        self._every = min(CHECK_INTERVAL, store.heartbeat)
        self._terms = 0
        self._tenure: Tenure | None = None
        self._left: list[int] = []
        """Owners that were lost with their sessions, until what they held is ready again."""
        self._releases = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opened: asyncio.Future[Tenure] | None = None
        self._ended: asyncio.Future[None] | None = None

    async def open(self) -> Tenure:
        """Create the tables, take a lease, and release what dead owners held. Raises Unavailable
        or StartError.
        """
        here = asyncio.get_running_loop()
        self._opened, self._ended = here.create_future(), here.create_future()
        self._ended.add_done_callback(_retrieve)
        name = f"lease {self._settings.label}"
        Thread(target=self._run, args=(here,), name=name, daemon=True).start()
        try:
            return await self._opened
        except BaseException:
            self.abandon()
            raise

    async def close(self) -> None:
        """Give back all that is held, and end the lease. Raises Unavailable."""
        self._releases = True
        self._end()
        if self._ended is not None:
            await self._ended

    def abandon(self) -> None:
        """End the session and leave the messages to other owners."""
        self._releases = False
        self._end(at_once=True)

    def _end(self, *, at_once: bool = False) -> None:
        if (loop := self._loop) is not None:
            call_threadsafe(loop, self._set_stop, at_once)

    def _set_stop(self, at_once: bool) -> None:
        self._stop.set()
        if at_once:
            self._link.close()

    def _run(self, here: asyncio.AbstractEventLoop) -> None:
        assert self._opened is not None
        assert self._ended is not None
        error: BaseException | None = None
        try:
            asyncio.run(self._main(here))
        except BaseException as raised:
            error = raised
        if error is not None:
            resolve(here, self._opened, None, error)
        resolve(here, self._ended, None, error)

    async def _main(self, here: asyncio.AbstractEventLoop) -> None:
        self._stop = asyncio.Event()
        session = session_settings(self._settings, waits=False, deadline=self._deadline)
        self._link = Link(self._settings, session, self._deadline)
        self._leader = Leader(self._settings, self._store.id)
        self._loop = asyncio.get_running_loop()
        try:
            try:
                await self._begin()
                check = await self._look(expired=False, renewed=False)
            except psycopg.Error as error:
                raise self._explain(error) from None
            assert self._opened is not None
            resolve(here, self._opened, self._tenure, None)
            await self._keep(check)
            if self._releases and self._tenure is not None:
                try:
                    await self._give_back(self._tenure)
                except psycopg.Error as error:
                    raise Unavailable(message(error)) from None
        finally:
            self._leader.close()
            self._link.close()

    def _explain(self, error: psycopg.Error) -> Exception:
        label = self._settings.label
        if is_transient(error):
            return Unavailable(f"'{label}' cannot be used yet: {message(error)}")
        return StartError(f"'{label}' cannot be used: {message(error)}; it was left as it is")

    async def _begin(self) -> None:
        """Open a session, and take a lease in it."""
        if self._tenure is not None:
            self._left.append(self._tenure.owner)
            self._tenure = None
        try:
            await self._link.open()
            schema = await self._link.run(_schema_of(self._settings.label))
            await self._link.run(lambda session: prepare(session, schema, self._settings.label))
            self._owners, self._due = Owners(schema), Due(schema)
            self._leader.begin(schema)
            connection = self._link.connection
            assert connection is not None
            self._listening = Listening(connection, channel(schema), self._on_notify)
            if self._store.listen:
                await self._link.run(self._listening.begin)
            await self._take()
            for owner in self._left:  # nobody else needs to find out
                await self._link.run(partial(self._owners.end, owner=owner))
            await self._rescue(self._left, crashed=False)
            self._left.clear()
        except BaseException:
            self._link.close()
            raise

    async def _take(self) -> None:
        term = self._terms
        self._terms += 1
        self._tenure = await self._link.run(
            lambda session: self._owners.take(
                session, term, self._every, self._store.lease, self._store.listen
            )
        )

    async def _keep(self, check: Check) -> None:
        expired = False
        while True:
            self._on_check(check)
            if check.fault is None:
                expired = False
            await self._pause(self._every * uniform(1 - JITTER, 1 + JITTER))
            if self._stop.is_set():
                return
            renewed = False
            try:
                if self._link.connection is None:
                    await self._begin()
                    expired = True
                else:
                    renewed = await self._renew()
                    expired = expired or not renewed
                check = await self._look(expired, renewed)
            except (psycopg.Error, Unavailable, StartError) as error:
                fault = message(error) if isinstance(error, psycopg.Error) else str(error)
                alive = self._link.connection is not None
                check = Check(self._tenure if alive else None, renewed=renewed, fault=fault)

    async def _pause(self, seconds: float) -> None:
        if self._link.connection is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), min(seconds, 0.2))
            return
        try:
            await self._listening.wait(seconds, self._stop)
        except psycopg.Error as error:
            self._link.close()
            self._on_check(Check(None, fault=message(error)))

    async def _renew(self) -> bool:
        """Renew the lease, or take another one if it was ended; False in that case."""
        tenure = self._tenure
        if tenure is not None:
            owner, lease = tenure.owner, self._store.lease
            if await self._link.run(lambda session: self._owners.renew(session, owner, lease)):
                return True
        self._tenure = None
        await self._take()
        return False

    async def _look(self, expired: bool, renewed: bool) -> Check:
        tenure = self._tenure
        assert tenure is not None
        owner = tenure.owner
        dead = await self._link.run(lambda session: self._owners.end_dead(session, owner))
        rescued = await self._rescue(dead, crashed=True)
        due_in = await self._link.run(self._due.due_in)
        peers = await self._link.run(lambda session: self._owners.peers(session, owner))
        seen = await self._link.run(lambda session: self._due.look(session, owner))
        await self._link.run(self._leader.lead)
        return Check(tenure, expired, [*rescued], due_in, peers, seen, renewed)

    async def _rescue(self, owners: Collection[int], *, crashed: bool) -> Collection[str]:
        rescued: set[str] = set()
        while owners:
            queues = await self._link.run(
                lambda session: self._owners.rescue(session, owners, crashed=crashed)
            )
            if not queues:
                break
            rescued.update(queues)
        return rescued

    async def _give_back(self, tenure: Tenure) -> None:
        while await self._run_alive(lambda session: self._owners.give_back(session, tenure.owner)):
            pass
        await self._run_alive(lambda session: self._owners.end(session, tenure.owner))

    async def _run_alive(self, work: Work[T]) -> T:
        if self._link.connection is None:
            raise Unavailable("the connection was lost")
        return await self._link.run(work)


def _schema_of(label: str) -> Work[str]:
    """The schema in which the tables are."""

    async def find(session: Session) -> str:
        ((name,),) = await session.query(b"SELECT current_schema()::text")
        if name is None:
            raise StartError(
                f"'{label}' has no schema for the tables of its queues; name one that exists "
                "in `schema`"
            )
        return str(name)

    return find


def _retrieve(future: asyncio.Future[None]) -> None:
    """Mark the error as retrieved, for a store that is abandoned."""
    if not future.cancelled():
        future.exception()
