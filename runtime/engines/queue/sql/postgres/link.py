"""Link: one connection of a store, which is opened again after it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from runtime.backoff import Backoff
from runtime.engines.queue.sql.postgres.session import Session, Work
from runtime.engines.sql.contract import Uncertain
from runtime.engines.sql.postgres.connection import Connection, close_hard, connect
from runtime.engines.sql.postgres.errors import is_connection_useless, lost_connection, message
from runtime.engines.sql.postgres.settings import Settings
from runtime.service import StartError, Unavailable

T = TypeVar("T")

_RECONNECT = Backoff(initial_delay=0.1, max_delay=1.0)


class Link:
    """Runs one piece of work at a time, in the order of the calls.

    The work has a deadline, after which the connection is closed hard: a server that is stopped or
    cut off answers nothing, and no time-out of its own is kept.
    """

    def __init__(
        self,
        settings: Settings,
        session: Mapping[str, str],
        deadline: float,
        check: Work[None] | None = None,
    ) -> None:
        """`deadline` in seconds; `check` is run on each new connection, and refuses by raising."""
        self._settings = settings
        self._session_settings = session
        self._deadline = deadline
        self._check = check
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._session: Session | None = None
        self._failures = 0
        self._failure = "the connection was closed"
        self._retry_at = 0.0
        self._is_closed = False
        self.timed_out = False
        """True if the last work was not done within the deadline."""

    @property
    def pid(self) -> int:
        """The server's process of this connection; 0 without one."""
        return 0 if self._connection is None else self._connection.pgconn.backend_pid

    @property
    def connection(self) -> Connection | None:
        return self._connection

    async def open(self) -> None:
        """Connect. Raises Unavailable, or StartError for what somebody has to correct."""
        async with self._lock:
            if self._session is None:
                self._failures, self._retry_at, self._is_closed = 0, 0.0, False
                await self._connect()

    async def run(self, work: Work[T]) -> T:
        """Run work on the connection. Raises what it raises, and Unavailable without connection."""
        async with self._lock:
            self.timed_out = False
            session = self._session or await self._reconnect()
            connection = self._connection
            assert connection is not None
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._deadline, self._give_up, connection)
            try:
                return await work(session)
            except BaseException as error:
                if not isinstance(error, psycopg.Error) or is_connection_useless(error):
                    self._drop(connection)
                raise
            finally:
                timer.cancel()
                if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                    self._drop(connection)

    async def call(self, work: Work[T]) -> T:
        """Run work for a caller, to whom errors are told as `Unavailable`."""
        try:
            return await self.run(work)
        except psycopg.Error as error:
            raise refusal(error) from None

    async def transact(self, work: Work[Any]) -> Any:
        """Run work in a transaction. An exception that it returns rolls back, and is raised."""

        async def inside(session: Session) -> Any:
            await session.command(b"BEGIN")
            answer = await work(session)
            failed = isinstance(answer, Exception)
            await session.command(b"ROLLBACK" if failed else b"COMMIT")
            return answer

        answer = await self.call(inside)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """End the connection at once, whatever it waits for; only `open` opens another one."""
        self._is_closed = True
        if self._connection is not None:
            connection = self._connection
            if self._lock.locked():  # its task must hear of it, and then drops it
                close_hard(connection)
            else:
                self._drop(connection)

    def _give_up(self, connection: Connection) -> None:
        self.timed_out = True
        close_hard(connection)

    def _drop(self, connection: Connection) -> None:
        connection.pgconn.finish()
        if self._connection is connection:
            self._connection = self._session = None

    async def _reconnect(self) -> Session:
        if self._is_closed or asyncio.get_running_loop().time() < self._retry_at:
            raise Unavailable(self._failure)
        try:
            return await self._connect()
        except StartError as error:  # the service cannot start again from here
            raise Unavailable(str(error)) from None

    async def _connect(self) -> Session:
        try:
            connection = await connect(self._settings, self._session_settings, direct=True)
            connection.prepare_threshold = 0
            session = Session(connection, prepare=True)
            if self._check is not None:
                try:
                    await self._check(session)
                except BaseException:
                    connection.pgconn.finish()
                    raise
        except (Unavailable, StartError, psycopg.Error) as error:
            self._failures += 1
            self._failure = str(error)
            delay = _RECONNECT.delay(self._failures)
            self._retry_at = asyncio.get_running_loop().time() + delay
            if isinstance(error, psycopg.Error):
                raise Unavailable(str(error)) from None
            raise
        if self._is_closed:
            connection.pgconn.finish()
            raise Unavailable("it was closed meanwhile")
        self._failures, self._retry_at = 0, 0.0
        self._connection, self._session = connection, session
        return session


def refusal(error: psycopg.Error) -> Unavailable:
    """The error for callers. What may have been done is never retried here."""
    if lost_connection(error):
        return Uncertain(f"the connection was lost ({message(error)}); it may have been done")
    return Unavailable(message(error))
