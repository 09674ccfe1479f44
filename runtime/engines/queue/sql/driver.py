"""SqlDriver: the queues of one database, in this program."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from runtime.clock import REAL, Clock
from runtime.engines.queue.sql.lease_tally import LeaseTally
from runtime.engines.queue.sql.maintenance import Maintenance
from runtime.engines.queue.sql.operations import Settle
from runtime.engines.queue.sql.queue import SqlQueue
from runtime.engines.queue.sql.store import Report, Store
from runtime.loggers import logger
from runtime.service import Ready, Unavailable

log = logger("runtime.queue")


class SqlDriver:
    """A service. A published message is kept until it is settled, whatever crashes meanwhile.

    Its queues can be used only while it runs; otherwise they raise Unavailable.
    """

    def __init__(
        self, id: str, store: Store, *, retention: float | None = None, clock: Clock = REAL
    ) -> None:
        """`retention` in seconds, of queues that name none of their own; without it, finished
        messages are deleted at once.
        """
        self.queues: dict[str, SqlQueue] = {}
        self.store = store
        self.clock = clock
        self._id = id
        self._retention = retention
        self._maintenance = Maintenance(id, self)
        self._to_notify: set[str] = set()
        self.unreachable: str | None = None
        """The error of its last check, if the database could not be reached."""
        self.lease_tally = LeaseTally()

    def declare(self, name: str, options: Mapping[str, Mapping[str, Any]]) -> SqlQueue:
        """The queue of that name; declared again, the same one with the new options."""
        own = options["sql"]
        queue = self.queues.setdefault(name, SqlQueue(self, name, own["max_length"]))
        queue.max_length = own["max_length"]
        queue.retention = self._retention
        queue.overflow.configure(own)
        return queue

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Take a lease, renew it until `stop`, and release what is still held under it."""
        try:
            await self.store.open(list(self.queues), self._on_report, self._wake)
            self.lease_tally.held = True
            self._set_paused(await self.store.tasks.paused())
            ready(self.store.label)
            self._maintenance.promote()  # messages due by now, and the timer for the others
            for queue in self.queues.values():
                queue.wake()
            await stop.wait()
            await self._maintenance.finish()
            await self._close()
        except BaseException:
            self.store.abandon()
            raise
        finally:
            self.lease_tally.held = False
            for queue in self.queues.values():
                queue.overflow.refuse()
            self._maintenance.close()

    async def idle(self) -> None:
        """Wait until no message is being promoted, deleted or settled once more."""
        await self._maintenance.idle()

    def settle_later(self, item: Settle, id: str) -> None:
        self._maintenance.settle_later(item, id)

    def schedule(self, delay: float) -> None:
        self._maintenance.schedule(delay)

    def notify(self, queue: str) -> None:
        """Wake the consumers of a queue, in this program and others, once per turn of the loop."""
        if not self._to_notify:
            asyncio.get_running_loop().call_soon(self._notify)
        self._to_notify.add(queue)

    def on_paused(self, queue: str, paused: bool) -> None:
        """Log that a queue was paused or resumed, by this program or another."""
        said = "is paused: nothing is delivered until it is resumed" if paused else "is resumed"
        log.warning("%s: queue '%s' %s", self._id, queue, said, extra={"entry": self._id})

    def _set_paused(self, paused: Collection[str]) -> None:
        for name, queue in self.queues.items():
            queue.look_at_pause(name in paused)

    async def _close(self) -> None:
        try:
            await self.store.close()
        except Unavailable as error:
            text = "%s: the lease could not be ended, its messages wait until it expires: %s"
            log.warning(text, self._id, error, extra={"entry": self._id})

    def _on_report(self, report: Report) -> None:
        self.lease_tally.held = report.held
        self.lease_tally.renewals += report.renewed
        if report.expired:
            self.lease_tally.lost += 1
            for queue in self.queues.values():
                queue.lease_expired()
            text = (
                "%s: lease expired: in-flight messages were reassigned, "
                "their results will be ignored"
            )
            log.error(text, self._id, extra={"entry": self._id})
        if report.fault is not None:
            if self.unreachable is None:
                text = "%s: the database cannot be reached: %s"
                log.warning(text, self._id, report.fault, extra={"entry": self._id})
            self.unreachable = f"the database cannot be reached: {report.fault}"
            return
        self.unreachable = None
        for name in report.rescued:
            text = "%s: messages of '%s' that a dead program held are ready again"
            log.warning(text, self._id, name, extra={"entry": self._id})
        if report.due_in is not None:
            self.schedule(report.due_in)
        self._set_paused(report.paused)
        for queue in self.queues.values():
            queue.wake()
            queue.look_for_room()
            if any(not subscription.partitions for subscription in queue.subscriptions):
                self._maintenance.unpark(queue.name)
            if report.cancelling:
                queue.cancel_held(report.cancelling)
        if report.is_to_prune:
            self._maintenance.prune()

    def _wake(self, name: str) -> None:
        if queue := self.queues.get(name):
            queue.wake()

    def _notify(self) -> None:
        names, self._to_notify = self._to_notify, set()
        for name in names:
            self._wake(name)
        self.store.notify(names)
