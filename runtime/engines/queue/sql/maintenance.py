"""Upkeep: what a durable driver does between requests, on time or until it is done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from time import time
from typing import Any

from runtime import failpoint
from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.sql.operations import Settle
from runtime.engines.queue.sql.sqlite import store
from runtime.engines.sql.sqlite.batch import BatchFunction
from runtime.service import Unavailable

log = logging.getLogger("runtime.queue")

AGAIN = 0.5
"""Seconds between two tries to settle what the database did not take."""
GRAIN = 0.005
"""Seconds that a due message may wait for others: to make some ready is one commit for all."""


class Maintenance:
    """Makes ready what is due, settles what could not be settled, and forgets what is old.

    `ask(work, item)` has an item of a batch done; `ring(queue)` says that a queue got something.
    """

    def __init__(
        self,
        id: str,
        ask: Callable[[BatchFunction, Any], asyncio.Future[Any]],
        ring: Callable[[str], None],
        settling: BatchFunction,
        retention: float | None,
    ) -> None:
        self._id = id
        self._ask = ask
        self._ring = ring
        self._settling = settling
        self._retention = retention
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._later: list[tuple[Settle, str]] = []
        self._pending: set[asyncio.Future[Any]] = set()

    def due(self, when: float) -> None:
        """Something is due at a time, in seconds since 1970."""
        # Asked again for the same time, the timer is set anew: it does not see that somebody set
        # the clock, or that the machine slept.
        if self._due is None or when <= self._due:
            self._due = when
            if self._timer is not None:
                self._timer.cancel()
            wait = max(0.0, when - time()) + GRAIN
            self._timer = asyncio.get_running_loop().call_later(wait, self.promote)

    def promote(self) -> None:
        """Make ready what is due by now, and wait for what is due next."""
        self._due, self._timer = None, None
        self._do(store.promote, time(), self._promoted, self._failed)

    def settle_later(self, item: Settle, id: str) -> None:
        """Settle the message of that id, again and again, for as long as the driver runs."""
        if not self._later:
            asyncio.get_running_loop().call_later(AGAIN, self._settle)
        self._later.append((item, id))

    def prune(self) -> None:
        """Forget what was done longer ago than `retention`, some at a time."""
        if self._retention is not None:
            self._do(store.prune, time() - self._retention, self._pruned, self._failed)

    async def finish(self) -> None:
        """Try once more to settle what waits for it, and end what is under way."""
        self._settle()
        if self._pending:
            await asyncio.wait(self._pending)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = None, None
        self._later.clear()

    def _promoted(self, promoted: tuple[set[str], float | None]) -> None:
        failpoint.point("queue.promote.after_commit")
        queues, next_due = promoted
        for queue in queues:
            self._ring(queue)
        if next_due is not None:
            self.due(next_due)

    def _pruned(self, count: int) -> None:
        if count == store.PRUNED:
            self.prune()

    def _settle(self) -> None:
        items, self._later = self._later, []
        for item, id in items:
            self._do(self._settling, item, _nothing, partial(self._again, item, id))

    def _again(self, item: Settle, id: str, error: BaseException) -> None:
        if not isinstance(error, NotHeld):
            return self.settle_later(item, id)
        text = "%s: message %s was no longer held when the database was there again"
        log.warning(text, self._id, id, extra={"entry": self._id, "message_id": id})

    def _failed(self, error: BaseException) -> None:
        log.warning("%s: %s", self._id, error, extra={"entry": self._id})

    def _do(
        self,
        work: BatchFunction,
        item: Any,
        then: Callable[[Any], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        try:
            future = self._ask(work, item)
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


def _nothing(result: Any) -> None:
    """What a settlement answers says nothing."""
