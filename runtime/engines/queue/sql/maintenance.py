"""Maintenance: promotes delayed messages, repeats failed settlements, prunes finished messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from runtime import failpoint
from runtime.clock import Clock, Timer
from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.sql.operations import Promoted, Prune, Settle
from runtime.engines.queue.sql.store import Store
from runtime.loggers import logger
from runtime.service import Unavailable

log = logger("runtime.queue")

SETTLE_AGAIN = 0.5
"""Seconds between two attempts to settle what the database could not settle."""
GRAIN = 0.005
"""Least seconds between two promotions: one commit promotes all that became due meanwhile."""
PRUNED = 500
"""Most messages deleted in one commit."""
UNPARK_INTERVAL = 60.0
"""Seconds between two looks for what programs with an older manifest have parked."""


class Driver(Protocol):
    """The driver, as its maintenance uses it."""

    @property
    def clock(self) -> Clock: ...

    @property
    def store(self) -> Store: ...

    def notify(self, queue: str) -> None:
        """Wake the consumers of a queue: a message is ready."""
        ...


class Maintenance:
    """The work of a driver that no caller waits for."""

    def __init__(self, id: str, driver: Driver) -> None:
        """`id` is the driver's name in logs."""
        self._id = id
        self._driver = driver
        self._now = driver.clock.monotonic
        self._call_later = driver.clock.call_later
        self._due: float | None = None
        self._promoted_at = 0.0
        self._timer: Timer | None = None
        self._unpark_at: dict[str, float] = {}
        self._unsettled: list[tuple[Settle, str]] = []
        self._pending: set[asyncio.Future[Any]] = set()

    def schedule(self, delay: float) -> None:
        """Promote after that many seconds, unless it happens earlier anyway."""
        now = self._now()
        due = now + delay
        if self._due is None or due <= self._due:
            self._due = due
            if self._timer is not None:
                self._timer.cancel()
            wait = max(delay, self._promoted_at + GRAIN - now)
            self._timer = self._call_later(wait, self.promote)

    def promote(self) -> None:
        """Make delayed messages ready that are due, and schedule the next promotion."""
        self._due, self._timer = None, None
        self._promoted_at = self._now()
        self._submit(self._driver.store.promote, self._on_promoted, self._on_error)

    def settle_later(self, item: Settle, id: str) -> None:
        """Repeat the settlement of the message of that id for as long as the driver runs."""
        if not self._unsettled:
            self._call_later(SETTLE_AGAIN, self._settle)
        self._unsettled.append((item, id))

    def prune(self) -> None:
        """Delete messages that were kept after their end for as long as they should, in batches."""
        work = partial(self._driver.store.prune, Prune(PRUNED))
        self._submit(work, self._on_pruned, self._on_error)

    def unpark(self, queue: str) -> None:
        """Make ready what was parked in a queue whose consumers have no partitions."""
        if (now := self._now()) >= self._unpark_at.get(queue, now):
            self._unpark_at[queue] = now + UNPARK_INTERVAL
            self._unpark(queue)

    async def finish(self) -> None:
        """Try once more to settle what is unsettled, and wait for pending requests."""
        self._settle()
        if self._pending:
            await asyncio.wait(self._pending)

    async def idle(self) -> None:
        """Wait until nothing is being written."""
        while self._pending:
            await asyncio.wait(self._pending)
            await asyncio.sleep(0)  # to those who were called back

    def close(self) -> None:
        """Stop the timer, and drop what could not be settled."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = None, None
        self._unsettled.clear()

    def _on_promoted(self, promoted: Promoted) -> None:
        failpoint.point("queue.promote.after_commit")
        for queue in promoted.queues:
            self._driver.notify(queue)
        if promoted.due_in is not None:
            self.schedule(promoted.due_in)

    def _on_pruned(self, count: int) -> None:
        if count == PRUNED:
            self.prune()

    def _unpark(self, queue: str) -> None:
        then = partial(self._on_unparked, queue)
        self._submit(partial(self._driver.store.unpark, queue), then, self._on_error)

    def _on_unparked(self, queue: str, count: int) -> None:
        if count:
            self._driver.notify(queue)
            self._unpark(queue)

    def _settle(self) -> None:
        unsettled, self._unsettled = self._unsettled, []
        for item, id in unsettled:
            failed = partial(self._on_settle_error, item, id)
            self._submit(partial(self._driver.store.settle, item), _ignore, failed)

    def _on_settle_error(self, item: Settle, id: str, error: BaseException) -> None:
        if not isinstance(error, NotHeld):
            return self.settle_later(item, id)
        text = "%s: message %s was no longer held when the database was available again"
        log.warning(text, self._id, id, extra={"entry": self._id, "message_id": id})

    def _on_error(self, error: BaseException) -> None:
        log.warning("%s: %s", self._id, error, extra={"entry": self._id})

    def _submit(
        self,
        work: Callable[[], asyncio.Future[Any]],
        then: Callable[[Any], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        try:
            future = work()
        except Unavailable:
            return  # the driver or its database has ended; the next run looks for what is left
        self._pending.add(future)

        def done(future: asyncio.Future[Any]) -> None:
            self._pending.discard(future)
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                then(future.result())
            else:
                failed(error)

        future.add_done_callback(done)


def _ignore(result: Any) -> None:
    """A settlement has no result."""
