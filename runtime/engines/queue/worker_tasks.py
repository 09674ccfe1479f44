"""The tasks of a consumer's workers: how it waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any


def retrieve_exception(task: asyncio.Task[None]) -> None:
    """Of several workers that fail at once, one error is raised: keep the loop from reporting the
    others.
    """
    if not task.cancelled():
        task.exception()


async def wait_for_stop(stop: asyncio.Event, ends: Sequence[asyncio.Future[None]]) -> None:
    """Wait for `stop`. Raises the error that one of `ends` has before."""
    stopping = asyncio.create_task(stop.wait())
    try:
        waits: list[asyncio.Future[Any]] = [stopping, *ends]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    for end in ends:
        if end.done():
            end.result()
