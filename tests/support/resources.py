"""Resources that run on their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from runtime.engines.resource.resource import Resource, ResourceClosed
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handler
from runtime.handlers.threads import ThreadPool

ID = EntryId("app", "it")


def resource(function: Callable[..., Any], **options: Any) -> Resource:
    handler = Handler(function, ThreadPool(1).submit)
    return Resource(ID, ApplicationContext(), handler, options)


class Running:
    """One run of a resource, once it is ready or has ended."""

    def __init__(self, it: Resource) -> None:
        self.ready, self.stop = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(it.run(lambda where="": self.ready.set(), self.stop))

    async def started(self) -> Running:
        waiting = asyncio.create_task(self.ready.wait())
        await asyncio.wait({self.task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.task.done():
            self.task.result()
        return self

    async def end(self) -> None:
        self.stop.set()
        await self.task


async def begin(it: Resource) -> Running:
    return await Running(it).started()


def run(main: Any) -> Any:
    return asyncio.run(asyncio.wait_for(main, 10))


def refusal(it: Resource) -> str:
    with pytest.raises(ResourceClosed) as caught:
        it.handed_out()
    return str(caught.value)
