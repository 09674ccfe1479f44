"""Queues: how long they are, what waits in them, and holding them back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from runtime.application.operations.host import Host, Operation, asked, queue, queues
from runtime.application.operations.letters import shown
from runtime.engines.management.lengths import LENGTHS
from runtime.engines.management.snapshot import QueueStatus
from runtime.engines.queue.backlog import measure
from runtime.engines.queue.browsing import MOST, BrowsableQueue, Browsed, check_state
from runtime.loggers import logger
from runtime.units import format_count, format_time

if TYPE_CHECKING:
    from runtime.engines.queue.queue import Queue

log = logger("runtime.management")

_STORE_LIMIT = 1.0
"""Seconds that the store of a queue has to tell its length."""


@runtime_checkable
class Pausable(Protocol):
    """A queue whose driver can hold its messages back."""

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...


class Queues:
    """The operations on the queues of a host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def table(self) -> Mapping[str, Operation]:
        """The operations by name."""
        return {
            "queue.pause": self.pause,
            "queue.resume": self.resume,
            "queue.publish": self.publish,
            "queue.peek": self.peek,
            "queue.payload": self.payload,
            "queue.purge": self.purge,
            LENGTHS: self.lengths,
        }

    async def pause(self, id: str) -> None:
        found = self._queue(id)
        await _pausable(found).pause()
        log.info("%s is paused by management", found.id, extra={"entry": found.id})

    async def resume(self, id: str) -> None:
        found = self._queue(id)
        await _pausable(found).resume()
        log.info("%s is resumed by management", found.id, extra={"entry": found.id})

    async def lengths(self) -> list[QueueStatus]:
        """The lengths of all queues, as far as their stores can be asked."""
        return [await _length(each) for each in queues(self._host)]

    async def publish(
        self,
        queue: str,
        body: Any,
        delay: str | None = None,
        unique: str | None = None,
        priority: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Publish a message, as a handler does; returns its id."""
        found = self._queue(queue)
        try:
            id: str = await asked(
                found.publish(body, headers, delay, unique=unique, priority=priority)
            )
        except TypeError as error:
            raise ValueError(str(error)) from None
        log.info("message %s was published by management", id, extra={"entry": found.id})
        return id

    async def peek(self, queue: str, state: str = "ready", limit: int = 10, after: str = "") -> Any:
        """The first messages in a state, without their bodies: `ready`, `delayed` or `running`.

        With `after`, those behind the message of that id.
        """
        found = _browsable(self._queue(queue))
        check_state(state)
        if not 1 <= limit <= MOST:
            raise ValueError(f"'limit' is {limit}, not from 1 to {MOST:,}")
        browsed = await asked(found.browse(state, limit, after or None))
        return [_described(each) for each in browsed]

    async def payload(self, queue: str, id: str, who: str = "") -> Any:
        """The body of a message that is not finished. Who asks for it is told in the log."""
        found = self._queue(queue)
        body = await asked(_browsable(found).body(id))
        if body is None:
            raise LookupError(f"there is no message '{id}' in '{found.id}'")
        return shown(found.id, id, body, who)

    async def purge(self, queue: str, state: str = "ready") -> int:
        """Delete the messages in a state, `ready` or `delayed`; returns how many."""
        found = self._queue(queue)
        check_state(state)
        if state == "running":
            raise ValueError("messages that are running are cancelled, by 'runtime task cancel'")
        count = await asked(_browsable(found).purge(state))
        some = format_count(count, "message")
        log.warning("%s purged by management", some, extra={"entry": found.id})
        return count

    def _queue(self, id: str) -> Queue:
        return queue(self._host, id)


def _pausable(queue: Queue) -> Pausable:
    found: object = queue
    if not isinstance(found, Pausable):
        raise ValueError(f"the driver of '{queue.id}' cannot hold messages back")
    return found


def _browsable(queue: Queue) -> BrowsableQueue:
    found = queue.driver_queue
    if not isinstance(found, BrowsableQueue):
        raise ValueError(f"the driver of '{queue.id}' cannot look into its queues")
    return found


async def _length(queue: Queue) -> QueueStatus:
    try:
        found = await asyncio.wait_for(measure(queue), _STORE_LIMIT)
    except Exception:  # whatever a driver raises that has lost its storage
        return QueueStatus(queue.id)
    return QueueStatus(
        queue.id,
        ready=found.ready,
        delayed=found.delayed,
        running=found.in_flight,
        dead=found.dead,
        capped=found.capped,
        oldest=None if found.oldest is None else round(found.oldest, 3),
        paused=found.paused,
    )


def _described(each: Browsed) -> Mapping[str, Any]:
    return {
        "id": each.id,
        "attempt": each.attempt,
        "priority": each.priority,
        "published": format_time(each.published),
        "due": None if each.due is None else format_time(each.due),
        "parked": each.parked,
        "size": each.size,
        "headers": {**each.headers},
    }
