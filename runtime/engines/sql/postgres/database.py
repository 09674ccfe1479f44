"""Database: one PostgreSQL database, as handlers and the supervisor see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, cast

import psycopg

from runtime.engines.sql.builder.dialect import POSTGRESQL
from runtime.engines.sql.contract import DatabaseClosed, Parameters
from runtime.engines.sql.postgres import limits
from runtime.engines.sql.postgres.blocking import BlockingDatabase
from runtime.engines.sql.postgres.compound import Placed, run_outside
from runtime.engines.sql.postgres.connection import connect, version
from runtime.engines.sql.postgres.errors import (
    explain,
    is_connection_useless,
    is_stale_plan,
    lost_connection,
    uncertain,
)
from runtime.engines.sql.postgres.exclusive import exclusive
from runtime.engines.sql.postgres.loops import on_loop
from runtime.engines.sql.postgres.parameters import bind
from runtime.engines.sql.postgres.pool import Pool
from runtime.engines.sql.postgres.result import (
    Result,
    ResultReader,
    all_rows,
    first_row,
    run,
    summary,
)
from runtime.engines.sql.postgres.script import split
from runtime.engines.sql.postgres.server_transaction import ServerTransaction
from runtime.engines.sql.postgres.settings import Settings
from runtime.engines.sql.postgres.statement import Statement, check_effect, parse
from runtime.engines.sql.postgres.transaction import Transaction
from runtime.engines.sql.reentrancy import forbid_reentry
from runtime.handlers.fork import ParentOnly, on_fork
from runtime.service import Ready, StartError, Unavailable

if TYPE_CHECKING:
    from runtime.clock import Clock
    from runtime.engines.queue.sql.store import Store, StoreSettings
    from runtime.engines.topic.contract import Broadcast

_STOPPING = "it is stopping"


class Database:
    """A service, and the calls of handlers while it runs.

    A statement outside of a transaction takes a connection of the pool, is committed by itself and
    gives the connection back; nothing that belongs to a session outlives it.

    Calls raise `DatabaseClosed` while the service does not run, TypeError and ValueError for
    arguments that PostgreSQL cannot take, Unavailable for a server that is not there, is full or
    kept a lock, Uncertain for a change whose answer was lost, and otherwise the errors of psycopg;
    all with the first line of the statement.
    """

    dialect = POSTGRESQL

    def __init__(self, settings: Settings, on_commit: Callable[[int], None] | None = None) -> None:
        """`on_commit` is called on the loop with the number of statements."""
        self.settings = settings
        self.pool_waits: list[float] | None = None  # as Pool has it, if somebody counts
        self._on_commit = on_commit
        self._limits = limits.for_handlers(settings)
        self._statement_limits = limits.for_statements(settings)
        self._pool: Pool | None = None
        self._not_running = "it was not started"
        """The reason for the refusal of a call while there is no pool."""
        self.blocking = BlockingDatabase(self)
        on_fork(self._leave_to_parent)

    @property
    def label(self) -> str:
        """The address of the database in logs and errors, without a password."""
        return self.settings.label

    @property
    def unreachable(self) -> str | None:
        """The reason, while the server cannot be reached."""
        return None if self._pool is None else self._pool.unreachable

    @property
    def pool_use(self) -> tuple[int, int, int] | None:
        """As Pool.use; None while it does not run."""
        return None if self._pool is None else self._pool.use

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of its connections. Raises DatabaseClosed."""
        return self._running().loop

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Serve until `stop`, then let what runs finish. It may be run again afterwards.

        A server that is lost meanwhile is tried again, and calls raise Unavailable; that is no
        failure of the service, which could do no more.
        """
        self._not_running = "it is starting"
        try:
            await self._serve(ready, stop)
        except Exception as error:
            self._not_running = f"it failed: {error}"
            raise
        finally:
            if self._not_running == _STOPPING:
                self._not_running = "it was stopped"

    async def _serve(self, ready: Ready, stop: asyncio.Event) -> None:
        pool = Pool(self.settings, self.pool_waits)
        try:
            connection = await pool.open()
            self._pool = pool
            ready(f"{self.label} (PostgreSQL {version(connection)})")
            await pool.serve(stop)
        except asyncio.CancelledError:
            pool.abandon()
            raise
        finally:
            self._not_running = _STOPPING
            self._pool = None
            await pool.close(self._closed())

    async def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """The rows of a statement, also of one that writes (`RETURNING`).

        Two columns of one name are one key, with the value of the last one.
        """
        rows: list[dict[str, Any]] = await self._call(all_rows, text, parameters)
        return rows

    async def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        """The first row, or None if there is none."""
        row: dict[str, Any] | None = await self._call(first_row, text, parameters)
        return row

    async def execute(self, text: str, parameters: Parameters = ()) -> Result:
        """Run a statement for its effect; it is committed when this returns.

        Cancelled, it is cancelled at the server too, and may have been run all the same.
        """
        result: Result = await self._call(summary, text, parameters)
        return result

    async def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        """Run a statement once for each row of parameters, in one transaction."""
        async with self._plain_transaction() as tx:
            return await tx.executemany(text, rows)

    async def executescript(self, script: str) -> None:
        """Run the statements of a script in one transaction."""
        async with self._plain_transaction() as tx:
            await tx.executescript(script)

    def transaction(self) -> Transaction:
        """`async with database.transaction() as tx:` commits; an exception rolls back."""
        return Transaction(self.begin)

    def long_transaction(self, *, foreign_keys: bool = True) -> Transaction:
        """A transaction without a time limit: see the contract."""
        return Transaction(self._begin_long)

    async def executescript_outside(self, script: str) -> None:
        """Run the statements of a script one by one: see the contract."""
        statements = split(script)
        try:
            await run_outside(self.settings, statements)
        except Placed as placed:
            if lost_connection(placed.error):
                raise uncertain(placed.error, placed.text) from None
            raise explain(placed.error, placed.text, placed.place) from None

    def begin(self) -> ServerTransaction:
        """A new transaction, which takes a connection at its first statement."""
        pool = self._running()
        forbid_reentry(self)
        return ServerTransaction(self, pool, self._limits, self._on_commit)

    def forbid_reentry(self) -> None:
        """Raise RuntimeError if the caller is in a transaction of this database."""
        forbid_reentry(self)

    def exclusive(self, key: str) -> AbstractAsyncContextManager[None]:
        """Hold a lock by its name, which one program at a time has: see the contract."""
        return exclusive(self.settings, key)

    def queue_store(self, settings: StoreSettings) -> Store:
        """A new store for the messages of durable queues in this database."""
        from runtime.engines.queue.sql.postgres.store import PostgresStore

        return PostgresStore(self, settings)

    def broadcast(self, topic: str, clock: Clock) -> Broadcast:
        """A new carrier of a topic's values to the other programs on this database."""
        from runtime.engines.topic.postgres import PostgresBroadcast

        return PostgresBroadcast(self, topic, clock)

    def _plain_transaction(self) -> Transaction:
        return Transaction(self._begin_plain)

    def _begin_plain(self) -> ServerTransaction:
        pool = self._running()
        forbid_reentry(self)
        return ServerTransaction(self, pool, self._statement_limits, self._on_commit)

    def _begin_long(self) -> ServerTransaction:
        pool = self._running()
        forbid_reentry(self)
        unlimited = limits.for_migrations(self.settings)
        return ServerTransaction(self, pool, unlimited, self._on_commit)

    async def _call(self, read: ResultReader, text: str, parameters: Parameters) -> Any:
        pool = self._running()
        statement = parse(text)
        if statement.refused_alone:
            raise ValueError(statement.refused_alone)
        if read is summary:
            check_effect(statement, text)
        values = bind(statement.placeholders, parameters)
        if not statement.reads:
            forbid_reentry(self)
        if self.settings.pooler and statement.has_place_inside:
            async with self._plain_transaction() as tx:
                server = tx.entered()
                return await on_loop(server.loop, server.submit(read, text, parameters))
        if self.settings.pooler:
            call = self._run_directly(read, statement, values, text)
        else:
            call = self._run(pool, read, statement, values, text)
        return await (call if asyncio.get_running_loop() is pool.loop else on_loop(pool.loop, call))

    async def _run(
        self, pool: Pool, read: ResultReader, statement: Statement, values: list[Any], text: str
    ) -> Any:
        while True:
            connection = await pool.acquire(self.settings.statement_timeout)
            try:
                result = await read(await run(statement, values, connection.raw))
                connection.check_replicated(text)
            except psycopg.Error as error:
                if is_connection_useless(error):
                    connection.raw.pgconn.finish()
                if is_stale_plan(error):
                    continue  # nothing was done
                if lost_connection(error) and not statement.reads:
                    raise uncertain(error, text) from None
                raise explain(error, text) from None
            finally:
                pool.release(connection)
            if self._on_commit is not None and not statement.reads:
                self._on_commit(1)
            return result

    async def _run_directly(
        self, read: ResultReader, statement: Statement, values: list[Any], text: str
    ) -> Any:
        """Run what cannot be in a transaction, which is all that a pooler has connections for."""
        if self.settings.direct is None:
            raise ValueError(
                f"{statement.verb} has no place in a transaction, and a pooler lends its "
                "connections for one; give the database the address of the server in 'direct'"
            )
        try:
            connection = await connect(self.settings, direct=True)
        except StartError as error:
            raise Unavailable(str(error)) from None
        try:
            return await read(await run(statement, values, connection))
        except psycopg.Error as error:
            if lost_connection(error):
                raise uncertain(error, text) from None
            raise explain(error, text) from None
        finally:
            await connection.close()

    def _leave_to_parent(self) -> None:
        """In a forked child, whose sockets are the parent's."""
        if self._pool is not None:
            self._pool.leave_to_parent()
        self._pool = cast("Pool", ParentOnly(f"database '{self.settings.name}'"))

    def _closed(self) -> DatabaseClosed:
        return DatabaseClosed(
            f"database '{self.settings.name}' is not running ({self._not_running})"
        )

    def _running(self) -> Pool:
        if self._pool is None:
            raise self._closed()
        return self._pool
