"""The stop of a consumer: how it waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any


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
