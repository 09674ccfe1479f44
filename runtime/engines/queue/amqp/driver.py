"""AmqpDriver: the queues of one broker, in this program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from runtime.clock import REAL, Clock
from runtime.engines.queue.amqp.queue import AmqpQueue
from runtime.engines.queue.amqp.session import Session
from runtime.engines.queue.amqp.settings import Settings
from runtime.engines.queue.amqp.topology import dead_letters_of
from runtime.service import Ready, StartError, Unavailable


class AmqpDriver:
    """A service. Its queues can be used only while it runs; otherwise they raise Unavailable.

    A published message is on the disks of most nodes of the broker, until it is settled.
    """

    def __init__(self, id: str, settings: Settings, *, clock: Clock = REAL) -> None:
        self.queues: dict[str, AmqpQueue] = {}
        self.clock = clock
        self._id = id
        self._settings = settings
        self._session: Session | None = None

    def declare(self, name: str, options: Mapping[str, Mapping[str, Any]]) -> AmqpQueue:
        """The queue of that name; declared again, the same one with the new options."""
        max_length = options["amqp"]["max_length"]
        queue = self.queues.setdefault(name, AmqpQueue(self, name, max_length))
        queue.max_length = max_length
        return queue

    @property
    def session(self) -> Session:
        if self._session is None or self._session.lost.done():
            raise Unavailable(f"'{self._id}' is not connected to its broker")
        return self._session

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Connect, declare the queues, and wait for `stop`. Raises Unavailable when the connection
        is lost: what was held is then delivered again.
        """
        self._check_names()
        session = Session(self.clock)
        stopping = asyncio.ensure_future(stop.wait())
        try:
            if not await _before(stopping, self._open(session)):
                return
            self._session = session
            ready(str(self._settings.address))
            for queue in self.queues.values():
                queue.attach()
            either: list[asyncio.Future[Any]] = [stopping, session.lost]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if session.lost.done():
                raise session.lost.result()
            self._session = None
            await _before(session.lost, session.drain())
        finally:
            stopping.cancel()
            self._session = None
            for queue in self.queues.values():
                queue.detach()
            await session.close()

    async def _open(self, session: Session) -> None:
        await session.open(self._settings)
        for queue in [*self.queues.values()]:
            await queue.declare(session)

    def _check_names(self) -> None:
        """Raises StartError if a queue has the name of another's dead letters."""
        for name in self.queues:
            if (dead := dead_letters_of(name)) in self.queues:
                raise StartError(
                    f"'{dead}' is where '{self._id}' keeps the dead letters of '{name}'; give the "
                    "queue of that name another 'queue_name'"
                )


async def _before(end: asyncio.Future[Any], work: Awaitable[None]) -> bool:
    """Do some work until `end` is done. Returns True if it was finished before."""
    working = asyncio.ensure_future(work)
    try:
        await asyncio.wait([working, end], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        working.cancel()
