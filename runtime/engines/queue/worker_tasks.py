"""The tasks of a consumer's workers: how it waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol


class Startable(Protocol):
    """A worker."""

    def start(self, name: str) -> asyncio.Task[None]: ...


def start_all(workers: Sequence[Startable], name: str) -> list[asyncio.Task[None]]:
    """Start the workers, in tasks of that name with a number."""
    tasks = [worker.start(f"{name}#{number}") for number, worker in enumerate(workers)]
    for task in tasks:
        task.add_done_callback(retrieve_exception)
    return tasks


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
