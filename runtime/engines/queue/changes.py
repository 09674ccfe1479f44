"""Changes: the statuses that a message goes through, as they happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from runtime.engines.queue.queue import Queue
from runtime.engines.queue.status import FINAL, Status, UnknownMessage

SHORTEST, LONGEST = 0.2, 2.0
"""Seconds between two looks: after a change, and at most if nothing changes."""
GROWTH = 1.5


class Watch:
    """Looks at one message, for all in this program who want to know what becomes of it."""

    def __init__(self, queue: Queue, id: str, latest: Status) -> None:
        self.latest = latest
        self.clients = 0
        self._queue = queue
        self._id = id
        self._told = asyncio.Event()
        self._looking = asyncio.create_task(self._look())

    @property
    def is_over(self) -> bool:
        """True once nothing more is looked at."""
        return self._looking.done()

    async def after(self, seen: Status) -> Status | None:
        """The next status that differs, None if there is none. Raises what a look raised."""
        while self.latest == seen and not self.is_over:
            await self._told.wait()
        if self.latest != seen:
            return self.latest
        self._looking.result()
        return None

    def end(self) -> None:
        """Look no more."""
        self._looking.cancel()
        if self.is_over and not self._looking.cancelled():
            self._looking.exception()  # which nobody waited for

    async def _look(self) -> None:
        wait = SHORTEST
        try:
            while self.latest.status not in FINAL:
                await asyncio.sleep(wait)
                status = await self._queue.status(self._id)
                if status == self.latest:
                    wait = min(wait * GROWTH, LONGEST)
                else:
                    wait, self.latest = SHORTEST, status
                    self._tell()
        except UnknownMessage:
            pass
        finally:
            asyncio.get_running_loop().call_soon(self._tell)  # once this is done

    def _tell(self) -> None:
        self._told.set()
        self._told = asyncio.Event()


async def changes(queue: Queue, id: str, watches: dict[str, Watch]) -> AsyncGenerator[Status]:
    """The status of a message now, and after each change, until it has ended or is forgotten.

    Changes between two looks are seen as one: they may have happened in another program. However
    many ask, `watches` has one that looks, by the message's id. Raises UnknownMessage at once.
    """
    if (watch := _of(watches, id)) is None:
        latest = await queue.status(id)
        if latest.status in FINAL:
            yield latest
            return
        if (watch := _of(watches, id)) is None:  # nobody else was faster
            watches[id] = watch = Watch(queue, id, latest)
    watch.clients += 1
    latest = watch.latest
    try:
        yield latest
        while latest.status not in FINAL and (status := await watch.after(latest)) is not None:
            yield status
            latest = status
    finally:
        watch.clients -= 1
        if watch.clients == 0:
            watch.end()
            if watches.get(id) is watch:
                del watches[id]


def _of(watches: dict[str, Watch], id: str) -> Watch | None:
    watch = watches.get(id)
    return None if watch is None or watch.is_over else watch
