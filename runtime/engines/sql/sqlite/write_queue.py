"""WriteQueue: the writer's queue, and what the event loop writes itself at the end of a turn.

Handing a statement to a thread and its result back costs more than a small statement. So those
that tasks ask for in one turn of the loop are gathered and run at its end, in one transaction, if
nothing can make the loop wait: see `loop_access`. Otherwise the thread is woken once for all of
them. Whatever turns out to be long, finds a lock or fails unusually is rolled back and queued for
the thread, which does it from the beginning.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from contextvars import Context
from math import inf
from threading import RLock
from time import perf_counter
from typing import Any

from runtime.engines.sql.contract import Uncertain
from runtime.engines.sql.sqlite.batch import BatchItem, run_batches
from runtime.engines.sql.sqlite.completion import Completion, settle
from runtime.engines.sql.sqlite.errors import FileLost, code, is_disk_error
from runtime.engines.sql.sqlite.freed_memory import keep_freed_memory
from runtime.engines.sql.sqlite.loop_access import LATE, PATIENCE, SLICE, LoopAccess
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.slow_work import SlowWork
from runtime.engines.sql.sqlite.statement_request import StatementRequest
from runtime.engines.sql.sqlite.work_queue import WorkQueue
from runtime.engines.sql.sqlite.writer import FileCheck, Item
from runtime.handlers.context import in_background
from runtime.service import Unavailable

MOST = 64
"""The most statements in a turn."""
MOST_PARTS = 48
"""The most items of batches in a turn, which are run together and so broken off together."""
PATIENCE_WITH_PARTS = 0.0008
"""Seconds after which they are."""
LONG_TURN = 0.002
"""Seconds of a turn from which on the loop is busy with requests."""
SHARES = 16
"""The most statements that are then run at once in a turn, for calls that no client waits for: each
wait for the end of a turn would cost them one, in which dozens of requests begin."""
FEW = 4
"""Statements at the end of a turn up to which that is worth a commit for each."""
DELAY = 0.002
"""Seconds after which what is deferred is written by itself."""
MANY = 8
"""Deferred items that are a group already."""
BUDGET = 0.015
"""Seconds that the loop writes until the thread does the next group, and with it a checkpoint if
one is due: some thousand pages of the journal, as SQLite has it by default."""

Small = StatementRequest | BatchItem


class WriteQueue(WorkQueue[Item]):
    """Keeps the order of what is submitted by one thread after another.

    A method that is not `put` belongs to the event loop that made the queue.
    """

    def __init__(self, database: str, access: LoopAccess) -> None:
        super().__init__(database)
        keep_freed_memory()
        self._access = access
        self._loop = asyncio.get_running_loop()
        self._context = Context()
        """Of nobody: what is gathered belongs to many tasks."""
        self._gathered: deque[Small] = deque()
        self._deferred: deque[BatchItem] = deque()
        """Written with the next item of a batch: each commit that takes one more page costs 3 µs,
        and a message's row and index are some pages."""
        self._timer: asyncio.TimerHandle | None = None
        self._order = RLock()
        """Held while something leaves `_deferred` or `_gathered`."""
        self._slow = SlowWork()
        self._spent = 0.0
        self._turn_began: float | None = None
        """In seconds of `perf_counter`, while the end of a turn is awaited."""
        self._shares = 0

    def put(self, item: Item) -> None:
        with self._order:
            self._gather_deferred()
            self._hand_over()
            super().put(item)
            self._access.granted = False

    def submit(self, item: Any) -> None:
        """Queue a statement or an item of a batch, from any thread; the loop may run it itself."""
        if self._deferred and isinstance(item, BatchItem):
            with self._order:
                self._gather_deferred()
        if (
            self._access.is_open
            and item.future.get_loop() is self._loop
            and item.is_small(self._access.connection)
            and not self._slow.is_slow(item.key)
        ):
            self._gathered.append(item)
            if self._turn_began is None:
                self._begin_turn()
            if self._shares and isinstance(item, StatementRequest) and in_background():
                self._shares -= 1
                self._run()
        else:
            self.put(item)

    def defer(self, item: Any) -> None:
        if not self._accepting:
            raise self.closed_error()
        self._deferred.append(item)
        if len(self._deferred) >= MANY:
            self.hurry()
        elif self._timer is None:
            self._timer = self._loop.call_later(DELAY, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.hurry()

    def hurry(self) -> None:
        with self._order:
            if self._deferred:
                self.submit(self._deferred.pop())

    def _gather_deferred(self) -> None:
        """Have what is deferred written before all that is asked for from now on. Any thread does
        so, and the loop may defer more meanwhile.
        """
        while self._deferred:
            self._gathered.append(self._deferred.popleft())

    def seal(self) -> None:
        with self._order:
            self._gather_deferred()
            self._hand_over()
            super().seal()
            self._access.is_open = self._access.granted = False

    def _hand_over(self) -> None:
        """Queue what is gathered for the thread."""
        while self._gathered:
            self.items.put(self._gathered.popleft())
            self._access.granted = False

    def _begin_turn(self) -> None:
        self._turn_began = perf_counter()
        self._loop.call_soon(self._end_turn, context=self._context)

    def _end_turn(self) -> None:
        assert self._turn_began is not None
        is_long = perf_counter() - self._turn_began > LONG_TURN
        self._turn_began = None
        self._shares = SHARES if is_long and self._few_wait() else 0
        self._run()

    def _few_wait(self) -> bool:
        """True if hardly anybody would share the commit at the end of the turn."""
        return sum(isinstance(item, StatementRequest) for item in self._gathered) <= FEW

    def _run(self) -> None:
        """Run what was gathered in this turn."""
        access = self._access
        completions: list[Completion] = []
        with self._order:
            if not self._gathered:
                return
            if access.enter():
                try:
                    completions = self._write()
                finally:
                    access.leave()
            if not access.granted:
                self._hand_over()
            elif self._gathered and self._turn_began is None:
                self._begin_turn()
        settle(completions)

    def _write(self) -> list[Completion]:
        """Run a group and commit it. If that fails, it is gathered again, and access withdrawn."""
        gathered, access = self._gathered, self._access
        connection = access.connection
        group: list[Small] = []
        began = perf_counter()
        access.effort.begin()
        try:
            access.prepare()
            connection.raw.execute("BEGIN IMMEDIATE")
            if connection.is_counted:
                connection.note_begin(gathered[0].requested_at)
            completions = self._run_group(connection, group, began)
            access.deadline = inf  # interrupted, a commit might have been done
            if all(error is not None for _, _, error in completions):
                connection.raw.execute("ROLLBACK")
            else:
                connection.commit(len(group), retry=False)
            connection.check_file()
        except FileLost as error:
            self.items.put(FileCheck())  # by which the thread finds out too, and ends the run
            access.granted = False
            return [(item.future, None, error) for item in group]
        except Uncertain as error:
            access.granted = False
            return [item.failed(error) for item in group]
        except BaseException as error:
            access.deadline = inf
            access.granted = False
            gathered.extendleft(reversed(group))
            self._hand_over()
            if code(error) == sqlite3.SQLITE_INTERRUPT or access.effort.seconds() > LATE:
                access.rest()
            if not isinstance(error, Exception):
                raise
            connection.rollback(error if is_disk_error(error) else None)
            return []
        took = perf_counter() - began
        if took > LATE:
            took = access.effort.seconds()
        self._spent += took
        if took > LATE:
            access.rest()
        elif self._spent > BUDGET:
            self._spent = 0.0
            access.granted = False
        return completions

    def _run_group(
        self, connection: ManagedConnection, group: list[Small], began: float
    ) -> list[Completion]:
        """Run as many statements as fit in a turn; raises for what the thread should do again."""
        gathered, access, slow = self._gathered, self._access, self._slow
        completions: list[Completion] = []
        parts: list[BatchItem] = []
        now, end = began, began + SLICE
        while gathered and len(group) < MOST and len(parts) < MOST_PARTS and now < end:
            item = gathered.popleft()
            if isinstance(item, BatchItem):
                group.append(item)
                parts.append(item)
                continue
            if item.future.cancelled():
                continue
            group.append(item)
            access.deadline = now + PATIENCE
            completion = item.run_in_transaction(connection)
            before, now = now, perf_counter()
            slow.record(item.key, now - before)
            if (error := completion[2]) is not None and _is_of_the_thread(error, connection.raw):
                raise error
            completions.append(completion)
        if parts:
            access.deadline = now + PATIENCE_WITH_PARTS
            try:
                completions += run_batches(connection.raw, parts)
            finally:
                took = (perf_counter() - now) / len(parts)
                for key in {part.key for part in parts}:
                    slow.record(key, took)
        return completions


def _is_of_the_thread(error: Exception, raw: sqlite3.Connection) -> bool:
    """True for an error that is not the statement's own, or that undid more than the statement."""
    return (
        isinstance(error, Unavailable)
        or code(error) == sqlite3.SQLITE_INTERRUPT
        or not raw.in_transaction
    )
