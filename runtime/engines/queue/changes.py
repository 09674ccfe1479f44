"""Changes: the statuses that a message goes through, as they happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from runtime.engines.queue.queue import Queue
from runtime.engines.queue.status import FINAL, Status, UnknownMessage

SHORTEST, LONGEST = 0.2, 2.0
"""Seconds between two looks: after a change, and at most if nothing changes."""
GROWTH = 1.5


async def changes(queue: Queue, id: str) -> AsyncGenerator[Status]:
    """The status of a message now, and after each change, until it has ended or is forgotten.

    Changes between two looks are seen as one: they may have happened in another program. Raises
    UnknownMessage at once.
    """
    latest = await queue.status(id)
    yield latest
    wait = SHORTEST
    while latest.status not in FINAL:
        await asyncio.sleep(wait)
        try:
            status = await queue.status(id)
        except UnknownMessage:
            return
        if status == latest:
            wait = min(wait * GROWTH, LONGEST)
        else:
            wait, latest = SHORTEST, status
            yield status
