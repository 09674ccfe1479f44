"""A queue on any driver that keeps what is done, and a wait for a status."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from runtime.clock import REAL
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.status import Progress, Status
from runtime.engines.queue.tracked_queue import TrackedQueue
from tests.support.consuming import AT_ONCE, SOON
from tests.support.driver_conformance.suite import ROOM, Harness
from tests.support.implementations import IMPLEMENTATIONS

each_driver = pytest.mark.parametrize("driver", IMPLEMENTATIONS)


@asynccontextmanager
async def opened(driver: str, **rules: Any) -> AsyncIterator[tuple[Queue, Harness]]:
    async with IMPLEMENTATIONS[driver].open(REAL) as service:
        harness = Harness(IMPLEMENTATIONS[driver].name, service)
        await harness.start()
        declared = harness.declare("q", ROOM)
        assert isinstance(declared, TrackedQueue)
        declared.retention = 3600.0
        rules = {"max_attempts": 3, "max_requeues": 3} | rules
        try:
            yield Queue("app:q", declared, AT_ONCE, **rules), harness
        finally:
            await harness.stop()


async def becomes(queue: Queue, id: str, *wanted: str) -> Status:
    async with asyncio.timeout(SOON):
        while (status := await queue.status(id)).status not in wanted:  # noqa: ASYNC110
            await asyncio.sleep(0)
    return status


async def tells(queue: Queue, id: str, progress: Progress) -> None:
    """Wait until a message tells of that progress, which is written a moment after it was said."""
    async with asyncio.timeout(SOON):
        while (await queue.status(id)).progress != progress:  # noqa: ASYNC110
            await asyncio.sleep(0)
