"""Lanes: the connections of a store, and the sorts of requests that travel on them."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.sql.postgres.lane import Lane
from runtime.engines.queue.sql.postgres.link import Link
from runtime.engines.queue.sql.postgres.session import Work, session_settings
from runtime.engines.queue.sql.store import StoreSettings
from runtime.engines.sql.postgres.settings import Settings


class Lanes:
    """Publishes wait for the disk, if the queues are durable; claims and settlements do not, since
    a crashed server that forgets one causes a redelivery, and no loss. With one connection for all,
    everything waits.
    """

    def __init__(self) -> None:
        self.publish, self.claim, self.settle = Lane(), Lane(), Lane()
        self._links: list[Link] = []

    async def connect(
        self, settings: Settings, store: StoreSettings, deadline: float, check: Work[None]
    ) -> None:
        """Open the connections; `check` refuses those that nothing may be claimed on.

        Raises Unavailable or StartError.
        """
        waiting = session_settings(settings, waits=store.durable, deadline=deadline)
        quick = session_settings(settings, waits=False, deadline=deadline)
        if store.lanes == 1:
            one = Link(settings, waiting, deadline, check)
            links = [one, one, one, one]
        else:
            links = [
                Link(settings, waiting, deadline),
                Link(settings, quick, deadline, check),
                Link(settings, quick, deadline),
                Link(settings, quick, deadline),
            ]
        self.publish_link, self.claim_link, self.settle_link, self.notify_link = links
        self._links = links[: store.lanes]  # that for notifications is opened when it is needed
        await asyncio.gather(*(link.open() for link in self._links))
        self._links = links

    async def close(self) -> None:
        """Accept nothing more, and do what was asked for."""
        for lane in (self.publish, self.claim, self.settle):
            await lane.close()

    def abandon(self) -> None:
        """Refuse what was asked for, and end the connections."""
        for lane in (self.publish, self.claim, self.settle):
            lane.abandon()
        for link in self._links:
            link.close()
        self._links = []
