"""The ways in which a function can write the life of a value, and those who enter it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from runtime.engines.resource.block import AsyncBlock, LoopBlock
from runtime.engines.resource.owning_thread import OwningThread

EVENTS: list[str] = []


def generator() -> Iterator[str]:
    EVENTS.append("in")
    yield "value"
    EVENTS.append("out")


async def async_generator() -> AsyncIterator[str]:
    EVENTS.append("in")
    yield "value"
    EVENTS.append("out")


class Managed:
    def __enter__(self) -> str:
        EVENTS.append("in")
        return "value"

    def __exit__(self, *error: object) -> None:
        EVENTS.append("out")


class AsyncManaged:
    async def __aenter__(self) -> str:
        EVENTS.append("in")
        return "value"

    async def __aexit__(self, *error: object) -> None:
        EVENTS.append("out")


class AwaitedPool(AsyncManaged):
    """As `asyncpg.create_pool()` returns it: it may be awaited, entered, and lends connections."""

    def __await__(self) -> Any:
        raise AssertionError("it is entered")

    async def acquire(self) -> None: ...

    async def release(self) -> None: ...

    async def close(self) -> None: ...


async def coroutine() -> AsyncManaged:
    return AsyncManaged()


async def coroutine_of_a_pool() -> AwaitedPool:
    return AwaitedPool()


async def plain_manager() -> Managed:
    return Managed()


FACTORIES: list[Callable[[], Any]] = [
    generator,
    contextmanager(generator),
    async_generator,
    asynccontextmanager(async_generator),
    Managed,
    AsyncManaged,
    coroutine,
    coroutine_of_a_pool,
    plain_manager,
]
BLOCKS: dict[str, Callable[[Callable[[], Any]], AsyncBlock]] = {
    "loop": LoopBlock,
    "thread": lambda make: OwningThread("app:x", make),
}

ways = pytest.mark.parametrize("way", BLOCKS)


def run(main: Any) -> Any:
    return asyncio.run(asyncio.wait_for(main, 10))
