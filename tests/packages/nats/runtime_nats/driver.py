"""NatsDriver: the queues on one server or cluster, in this program."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from runtime.clock import REAL, Clock
from runtime.service import Ready, Unavailable
from runtime_nats.queue import NatsQueue
from runtime_nats.session import Session, Settings


class NatsDriver:
    """A service. Its queues can be used only while it runs; otherwise they raise Unavailable."""

    def __init__(self, settings: Settings, *, clock: Clock = REAL) -> None:
        self.queues: dict[str, NatsQueue] = {}
        self.settings = settings
        self.clock = clock
        self._session: Session | None = None

    def declare(self, name: str, options: Mapping[str, Mapping[str, Any]]) -> NatsQueue:
        """The queue of that name; declared again, the same one with the new options."""
        max_length = options["nats"]["max_length"]
        queue = self.queues.setdefault(name, NatsQueue(self, name, max_length))
        queue.max_length = max_length
        return queue

    @property
    def session(self) -> Session:
        if self._session is None or self._session.lost.done():
            raise Unavailable(f"'{self.settings.name}' is not connected to its server")
        return self._session

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Connect, declare the queues, and wait for `stop`. Raises Unavailable when the connection
        is lost: what was held comes again after its lease.
        """
        session = Session()
        stopping = asyncio.ensure_future(stop.wait())
        beating = asyncio.ensure_future(self._beat(session))
        try:
            await session.open(self.settings)
            for queue in [*self.queues.values()]:
                await queue.declare(session)
            self._session = session
            ready()
            for queue in self.queues.values():
                queue.attach()
            either: list[asyncio.Future[Any]] = [stopping, session.lost]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if session.lost.done():
                raise session.lost.result()
        finally:
            self._session = None
            beating.cancel()
            await asyncio.gather(*(queue.detach(session) for queue in self.queues.values()))
            await session.close(gently=stopping.done())
            stopping.cancel()

    async def _beat(self, session: Session) -> None:
        """Renew the leases of what is held."""
        while True:
            await asyncio.sleep(self.settings.lease / 3)
            try:
                for queue in [*self.queues.values()]:
                    await queue.renew(session)
            except Unavailable as error:
                session.fail(error)
