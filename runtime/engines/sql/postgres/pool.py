"""Pool: a few connections for many callers, on one event loop.

The pool of psycopg costs as much as the statement itself. All waits are in real time.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from copy import copy

import psycopg
from psycopg.pq import TransactionStatus

from runtime.engines.sql.contract import DatabaseClosed
from runtime.engines.sql.postgres.connection import (
    Connection,
    close_hard,
    connect,
    has_ended,
    is_idle,
)
from runtime.engines.sql.postgres.outage import Outage
from runtime.engines.sql.postgres.pooled_connection import NEVER, PooledConnection
from runtime.engines.sql.postgres.settings import Settings
from runtime.handlers.fork import drop_descriptor
from runtime.loggers import logger
from runtime.service import StartError, Unavailable
from runtime.units import format_duration

log = logger("runtime.sql")

SWEEP = 1.0
"""Seconds between two looks at the connections."""
GRACE = 1.0
"""Seconds past its time-out after which a statement is cancelled by us; the server does not count
the time of its commit. If that does not help, its connection is closed after as many again."""


class Pool:
    """Opened by the first call that needs a connection; `serve` keeps it well."""

    def __init__(self, settings: Settings, waits: list[float] | None = None) -> None:
        """Appends to `waits` the seconds of each call that found all connections in use."""
        self._settings = settings
        self._waits = waits
        self._bounds = settings.pool
        self.loop = asyncio.get_running_loop()
        self._idle: deque[PooledConnection] = deque()
        self._busy: set[PooledConnection] = set()
        self._cancelling: set[asyncio.Task[None]] = set()
        self._opening = 0
        self._waiters: deque[asyncio.Future[PooledConnection | None]] = deque()
        self._outage = Outage(settings.name)
        self._closed: DatabaseClosed | None = None
        self._drained = asyncio.Event()

    @property
    def size(self) -> int:
        """The number of connections there are or will be in a moment."""
        return len(self._idle) + len(self._busy) + self._opening

    @property
    def use(self) -> tuple[int, int, int]:
        """The connections in use, those that are idle, and the calls that wait for one."""
        return len(self._busy), len(self._idle), len(self._waiters)

    @property
    def unreachable(self) -> str | None:
        """The error of the last attempt to connect, while there is no connection."""
        failure = self._outage.failure
        return None if failure is None or self._idle or self._busy else str(failure)

    async def open(self) -> Connection:
        """Open the first connection. Raises StartError and Unavailable."""
        connection = await self._open()
        self.release(connection)
        return connection.raw

    async def acquire(self, limit: float) -> PooledConnection:
        """A connection for work of at most `limit` seconds. Raises Unavailable.

        The one that was used last comes first, so that those that are too many become idle.
        """
        while True:
            connection = self._take_idle() or await self._open_or_wait()
            if connection is not None and self._closed is not None:
                self.release(connection)
            elif connection is not None:
                self._busy.add(connection)
                connection.deadline = self.loop.time() + limit + GRACE
                return connection

    def release(self, connection: PooledConnection) -> None:
        """Take a connection back; one that is not as it was is closed."""
        self._busy.discard(connection)
        connection.deadline = NEVER
        connection.is_late = False
        if self._closed is not None or not is_idle(connection.raw):
            self._end(connection)
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._busy.add(connection)  # it is nobody else's
                waiter.set_result(connection)
                return
        connection.idle_since = self.loop.time()
        self._idle.append(connection)

    def discard(self, connection: PooledConnection) -> None:
        """End a connection that is of no use any more."""
        self._busy.discard(connection)
        self._end(connection)

    async def cancel(self, connection: PooledConnection) -> None:
        """Cancel the statement that runs; a server that does not answer loses the connection."""
        try:
            await connection.raw.cancel_safe(timeout=GRACE)
        except (psycopg.Error, TimeoutError):
            close_hard(connection.raw)

    async def rollback(self, connection: PooledConnection) -> None:
        """Roll back what a connection has begun, and take it back."""
        try:
            if connection.raw.pgconn.transaction_status == TransactionStatus.ACTIVE:
                close_hard(connection.raw)  # its caller was cancelled twice
            elif not is_idle(connection.raw):
                connection.deadline = self.loop.time() + GRACE
                await connection.raw.rollback()
        except psycopg.Error:
            pass  # the server rolls back what is left of it
        finally:
            self.release(connection)

    async def serve(self, stop: asyncio.Event) -> None:
        """Keep the connections well until `stop`: end what hangs or is too old, and reconnect."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                delay = min(SWEEP, self._outage.retry_at - self.loop.time())
                await asyncio.wait([stopping], timeout=max(delay, 0.01))
                self._sweep()
                if self._outage.failure is not None and not stop.is_set():
                    await self._reconnect()
        finally:
            stopping.cancel()

    async def close(self, closed: DatabaseClosed) -> None:
        """Refuse further calls with this error, wait for those that run, and end all."""
        self._closed = closed
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(copy(closed))
        while self._idle:
            self._end(self._idle.pop())
        try:
            while self._busy:
                self._drained.clear()
                await self._drained.wait()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End all connections now; statements that run raise."""
        for connection in self._busy:
            close_hard(connection.raw)

    def leave_to_parent(self) -> None:
        """In a forked child: let go of the sockets without a word to the server."""
        for connection in (*self._idle, *self._busy):
            drop_descriptor(connection.raw.pgconn.socket)

    def _take_idle(self) -> PooledConnection | None:
        now = self.loop.time()
        while self._idle:
            connection = self._idle.pop()
            if connection.expires > now and not has_ended(connection.raw, connection.watch):
                return connection
            self._end(connection)
        return None

    async def _open_or_wait(self) -> PooledConnection | None:
        """A connection that was opened or given back; None to look again."""
        if self._closed is not None:
            raise copy(self._closed)
        if self.size >= self._bounds.size:
            return await self._wait()
        try:
            self._outage.check(self.loop.time())
            return await self._open()
        except (StartError, Unavailable) as error:
            if self._idle:  # given back meanwhile
                return None
            if self._busy:  # a server that is full, and lets in nobody else
                return await self._wait()
            raise Unavailable(str(error)) from None  # such as a password that was changed meanwhile

    async def _wait(self) -> PooledConnection | None:
        waiter: asyncio.Future[PooledConnection | None] = self.loop.create_future()
        self._waiters.append(waiter)
        began = self.loop.time()
        timer = self.loop.call_later(self._bounds.wait, self._give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                connection = waiter.result()
                self._refill() if connection is None else self.release(connection)
            raise
        finally:
            timer.cancel()
            if self._waits is not None:
                self._waits.append(self.loop.time() - began)

    def _give_up(self, waiter: asyncio.Future[PooledConnection | None]) -> None:
        if not waiter.done():
            waiter.set_exception(
                Unavailable(
                    f"all {self._bounds.size} connections to '{self._settings.label}' are in use, "
                    f"for {format_duration(self._bounds.wait)} by now; raise pool.size, or do slow "
                    "work outside of transactions"
                )
            )

    async def _open(self) -> PooledConnection:
        self._opening += 1
        try:
            raw = await connect(self._settings)
        except Exception as error:
            self._failed(error)
            raise
        finally:
            self._opening -= 1
        self._outage.recovered()
        lifetime = self._bounds.lifetime * random.uniform(0.9, 1.0)  # not all at one time
        return PooledConnection(raw, self.loop.time() + lifetime)

    async def _reconnect(self) -> None:
        try:
            connection = await self._open()
        except (StartError, Unavailable):
            return
        self.release(connection)

    def _failed(self, error: Exception) -> None:
        failure = self._outage.failed(error, self.loop.time())
        while self._waiters and not self._busy:  # nobody will give a connection back
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(copy(failure))

    def _end(self, connection: PooledConnection) -> None:
        """Close a connection, which leaves room for another one."""
        raw = connection.raw
        if not raw.closed:
            # Takes no round trip, and psycopg has it as a coroutine all the same.
            task = self.loop.create_task(raw.close())
            task.add_done_callback(_ignore)
        self._refill()

    def _refill(self) -> None:
        """Tell a waiter that there is room for another connection."""
        self._drained.set()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _sweep(self) -> None:
        now = self.loop.time()
        for connection in [*self._busy]:
            if connection.deadline < now and connection.is_late:
                connection.deadline = NEVER
                close_hard(connection.raw)
            elif connection.deadline < now:
                # Closed at once, a commit that waits for a standby would go on, with its locks.
                connection.deadline = now + 2 * GRACE
                connection.is_late = True
                text = "%s: a statement ran past its time-out, and is cancelled"
                log.warning(text, self._settings.name, extra={"entry": self._settings.name})
                task = self.loop.create_task(self.cancel(connection))
                self._cancelling.add(task)
                task.add_done_callback(self._cancelling.discard)
        for connection in [*self._idle]:
            unused = connection.idle_since + self._bounds.idle < now and len(self._idle) > 1
            if unused or connection.expires < now or has_ended(connection.raw, connection.watch):
                self._idle.remove(connection)
                self._end(connection)
        if self.size == 0 and self._outage.failure is None and self._closed is None:
            self._outage.failed(Unavailable("it closed all connections"), now)


def _ignore(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()
