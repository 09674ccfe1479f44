"""ServerTransaction: a transaction on one connection of the pool."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from copy import copy
from functools import partial
from typing import Any, TypeVar

import psycopg

from runtime.engines.sql.contract import Database, Parameters, Step, TransactionLost
from runtime.engines.sql.postgres import errors
from runtime.engines.sql.postgres.command import command
from runtime.engines.sql.postgres.compound import Many, Placed, run_script
from runtime.engines.sql.postgres.connection import Connection
from runtime.engines.sql.postgres.limits import Limits
from runtime.engines.sql.postgres.parameters import bind
from runtime.engines.sql.postgres.pool import GRACE, Pool
from runtime.engines.sql.postgres.pooled_connection import PooledConnection
from runtime.engines.sql.postgres.result import ResultReader, run, summary
from runtime.engines.sql.postgres.script import split
from runtime.engines.sql.postgres.statement import check_effect, parse_inside
from runtime.engines.sql.postgres.turns import Turns
from runtime.handlers import fork
from runtime.handlers.fork import forbid_in_child
from runtime.handlers.threads import call_threadsafe

Sent = TypeVar("Sent")


class ServerTransaction:
    """Takes a connection at its first statement, and begins with its time-outs.

    It may keep the connection for a time. After that, or once a statement outside of an attempt has
    failed, it is lost: it is rolled back, the connection goes to others, and every further use
    raises TransactionLost. Coroutines run on the loop of the pool.
    """

    def __init__(
        self,
        database: Database,
        pool: Pool,
        limits: Limits,
        on_commit: Callable[[int], None] | None = None,
    ) -> None:
        self.database = database
        self.loop = pool.loop
        self._pool = pool
        self._limits = limits
        self._on_commit = on_commit
        self._turns = Turns()
        self._connection: PooledConnection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._after_commit: list[Callable[[], None]] = []
        self._statements = 0
        self._ended = False
        self._lost: Exception | None = None
        self._failed: Exception | None = None
        """Set while an attempt is over and its block is not."""
        self._attempts: list[str] = []
        self._depth = fork.depth

    @property
    def is_open(self) -> bool:
        return not self._ended and self._lost is None

    def check_process(self) -> None:
        """Raise ForkedChild in a forked child, where nobody runs the loop."""
        forbid_in_child("a transaction", self._depth)

    async def submit(self, read: ResultReader, text: str, parameters: Parameters) -> Any:
        """Run one statement."""
        statement = parse_inside(text)
        if read is summary:
            check_effect(statement, text)
        values = bind(statement.placeholders, parameters)
        send = partial(run, statement, values)
        return await self._do(self._take_turn(), send, read, text)

    async def submit_many(self, text: str, rows: Iterable[Parameters]) -> Any:
        """Run one statement for each row of parameters."""
        many = Many(text, rows)
        return await self._do(self._take_turn(), many.run, _same, text, len(many))

    async def submit_script(self, script: str) -> None:
        """Run the statements of a script."""
        statements = split(script)
        work = partial(run_script, statements)
        await self._do(self._take_turn(), work, _same, script, len(statements))

    def add(self, step: Step) -> asyncio.Future[Any]:
        """Run a step after what was asked before; the future is of the running loop."""
        if asyncio.get_running_loop() is self.loop:
            return asyncio.ensure_future(self._run_step(step, self._take_turn()))
        self._check()
        future = asyncio.run_coroutine_threadsafe(self._run_step(step, None), self.loop)
        return asyncio.wrap_future(future)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back on the running event loop once it is committed; never if it is rolled back."""
        loop = asyncio.get_running_loop()
        self._after_commit.append(partial(call_threadsafe, loop, callback))

    async def begin_attempt(self) -> None:
        """Begin what may fail by itself."""
        name = f"runtime_{len(self._attempts) + 1}"
        await self._control(f"SAVEPOINT {name}")
        self._attempts.append(name)

    async def end_attempt(self, keep: bool) -> None:
        """Keep the last attempt or undo it. Raises TransactionLost for one that cannot be kept."""
        name, failed, self._failed = self._attempts.pop(), self._failed, None
        if self._lost is not None or self._ended:
            if keep:
                self._check()
            return
        text = f"RELEASE {name}" if keep and failed is None else f"ROLLBACK TO {name}"
        await self._control(text)
        if keep and failed is not None:
            raise copy(failed)

    async def end(self, commit: bool) -> None:
        """Commit or roll back. Raises if there is nothing to commit."""
        turn = self._turns.take()
        try:
            await turn
            if commit:
                self._check()
            self._ended = True
            if self._connection is not None:
                # A commit that is broken off may be done all the same, and be told as failed.
                self._ending = self.loop.create_task(self._commit() if commit else self._let_go())
                self._ending.add_done_callback(_retrieve)
                await asyncio.shield(self._ending)
        finally:
            self._turns.leave(turn)

    def abandon(self) -> None:
        """Roll back now; every further use raises. Called on any thread."""
        reason = RuntimeError("the transaction has ended; open another one")
        call_threadsafe(self.loop, self._give_up, reason)

    def _take_turn(self) -> asyncio.Future[None]:
        self._check()
        return self._turns.take()

    def _check(self) -> None:
        if self._lost is not None:
            raise copy(self._lost)
        if self._ended:
            raise RuntimeError("the transaction has ended; open another one")
        if self._failed is not None:
            raise copy(self._failed)

    async def _run_step(self, step: Step, turn: asyncio.Future[None] | None) -> Any:
        async def send(raw: Connection) -> Any:
            answer = step(raw)
            return await answer if isinstance(answer, Awaitable) else answer

        answer = await self._do(turn or self._take_turn(), send, _same, "a step")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _do(
        self,
        turn: asyncio.Future[None],
        send: Callable[[Connection], Awaitable[Sent]],
        read: Callable[[Sent], Awaitable[Any]],
        text: str,
        statements: int = 1,
    ) -> Any:
        try:
            await turn
            self._check()
            try:
                connection = self._connection or await self._begin()
                result = await read(await send(connection.raw))
            except psycopg.Error as error:
                raise await self._fail(error, text) from None
            except Placed as placed:
                raise await self._fail(placed.error, placed.text, placed.place) from None
            except BaseException:
                if self._connection is not None:
                    self._lost = self._lost or TransactionLost(
                        "the transaction was rolled back, since a call in it was broken off"
                    )
                    await self._let_go()
                raise
            self._statements += statements
            return result
        finally:
            self._turns.leave(turn)

    async def _control(self, text: str) -> None:
        """Run a statement that has no rows and no parameters."""

        async def send(raw: Connection) -> None:
            await command(raw, text.encode())

        await self._do(self._take_turn(), send, _same, text, 0)

    async def _begin(self) -> PooledConnection:
        limits = self._limits
        self._connection = await self._pool.acquire(limits.seconds)
        if not limits.by_statement:
            self._timer = self.loop.call_later(limits.seconds, self._expire)
        await command(self._connection.raw, limits.begin)
        return self._connection

    async def _fail(self, error: psycopg.Error, text: str, place: str = "") -> Exception:
        """Record a failed statement, and return the error to raise."""
        if self._lost is not None:  # it was cancelled because the transaction ran out of time
            await self._let_go()
            return copy(self._lost)
        timed_out = error.sqlstate == errors.QUERY_CANCELED and self._is_late()
        if timed_out:
            self._lost = self._too_long()
            await self._let_go()
            return copy(self._lost)
        explained = errors.explain(error, text, place)
        if self._attempts and not errors.lost_connection(error):
            self._failed = errors.attempt_lost(error)
            return explained
        self._lost = errors.transaction_lost(error)
        await self._let_go()
        return explained

    async def _commit(self) -> None:
        assert self._connection is not None
        if self._timer is not None:
            self._timer.cancel()
        self._connection.deadline = self.loop.time() + self._limits.seconds + GRACE
        try:
            if await command(self._connection.raw, b"COMMIT") != b"COMMIT":
                raise TransactionLost("the server rolled the transaction back")
            self._connection.check_replicated("COMMIT")
        except psycopg.Error as error:
            is_lost = (error.sqlstate or "08").startswith(("08", "57P"))
            raise (errors.uncertain if is_lost else errors.explain)(error, "COMMIT") from None
        finally:
            await self._let_go()
        if self._on_commit is not None:
            self._on_commit(self._statements)
        for callback in self._after_commit:
            callback()

    async def _let_go(self) -> None:
        """Give the connection back, rolled back if there is something to roll back."""
        connection, self._connection = self._connection, None
        if self._timer is not None:
            self._timer.cancel()
        if connection is not None:
            await self._pool.rollback(connection)

    def _is_late(self) -> bool:
        return self._timer is not None and self._timer.when() <= self.loop.time() + _EARLY

    def _too_long(self) -> TransactionLost:
        return errors.timeout_error(self.database.label, self._limits.seconds)

    def _expire(self) -> None:
        self._give_up(self._too_long())

    def _give_up(self, reason: Exception) -> None:
        if self.is_open and self._connection is not None:
            self._ending = self.loop.create_task(self._cancel())
        if self._lost is None and not self._ended:
            self._lost = reason

    async def _cancel(self) -> None:
        """Cancel the statement that runs, and roll back."""
        connection, turn = self._connection, self._turns.take()
        try:
            if connection is not None and not turn.done():
                await self._pool.cancel(connection)
            await turn
            await self._let_go()
        finally:
            self._turns.leave(turn)


_EARLY = 0.1
"""Seconds by which the server's clock may be ahead with its time-out of a statement."""


async def _same(answer: Any) -> Any:
    return answer


def _retrieve(task: asyncio.Task[None]) -> None:
    """Mark the error as retrieved, in case its caller was cancelled."""
    if not task.cancelled():
        task.exception()
