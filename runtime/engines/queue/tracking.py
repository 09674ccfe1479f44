"""Tracking: what a queue tells of single messages, and how it ends them; and its pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from runtime.engines.queue.dead_letter import ORIGIN
from runtime.engines.queue.driver_queue import DriverQueue
from runtime.engines.queue.status import Progress, Record, Status, UnknownMessage, status_of
from runtime.engines.queue.tracked_queue import TrackedQueue
from runtime.service import StartError

if TYPE_CHECKING:
    from runtime.engines.queue.progress import Progressing
    from runtime.engines.queue.queue import Queue

LONGEST_ID = 255


class Tracking:
    """The part of a Queue that needs a driver which finds single messages."""

    id: str
    driver_queue: DriverQueue
    dead_letter: Queue | None
    max_attempts: int
    progressing: Progressing | None = None
    """All that its handlers here have told of their progress, once one did."""

    @property
    def tracked(self) -> TrackedQueue:
        """The driver's queue. Raises StartError if it cannot find single messages."""
        if not isinstance(self.driver_queue, TrackedQueue):
            raise StartError(f"the driver of '{self.id}' cannot find single messages")
        return self.driver_queue

    async def status(self, id: str) -> Status:
        """The status of the message of that id. Raises UnknownMessage."""
        told = self._latest(id)  # or it could be written, and forgotten here, while it is asked for
        record = await self.tracked.find(id) if _is_possible(id) else None
        if record is None and _is_possible(id):
            record = await self._moved(id)
        if record is None:
            raise self._unknown(id)
        return self._told(record, told)

    async def cancel(self, id: str) -> Status:
        """End the message of that id: see `runtime.modules.queue`. Raises UnknownMessage."""
        record = await self.tracked.cancel(id) if _is_possible(id) else None
        return await self.status(id) if record is None else self._told(record, None)

    async def pause(self) -> None:
        """Deliver nothing until `resume`, in all programs."""
        await self.tracked.pause(True)

    async def resume(self) -> None:
        """Deliver again."""
        await self.tracked.pause(False)

    async def _moved(self, id: str) -> Record | None:
        """The dead letter of that id in the queue that is named for them."""
        if self.dead_letter is None or not isinstance(self.dead_letter.driver_queue, TrackedQueue):
            return None
        record = await self.dead_letter.driver_queue.find(id)
        if record is None or record.headers.get(ORIGIN) != self.id:
            return None
        return replace(record, state="dead", started=None, progress=None)

    def _latest(self, id: str) -> Progress | None:
        return None if self.progressing is None else self.progressing.latest(id)

    def _told(self, record: Record, before: Progress | None) -> Status:
        """The status that a record means; `before` is the latest progress when it was asked for."""
        status = status_of(record, self.max_attempts)
        if record.state != "running":
            return status  # with the progress that was kept with its end
        latest = self._latest(record.id) or before
        return status if latest is None else replace(status, progress=latest)

    def _unknown(self, id: str) -> UnknownMessage:
        return UnknownMessage(f"queue '{self.id}' knows no message '{str(id)[:LONGEST_ID]}'")


def _is_possible(id: object) -> bool:
    """False for what is no id of a message, and may be nothing that a database takes."""
    return isinstance(id, str) and len(id) <= LONGEST_ID and id.isprintable() and id.isascii()
