"""The ways in which a function can write the life of a value."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runtime.engines.resource.owning_thread import OwningThread
from tests.support.blocks import BLOCKS, EVENTS, FACTORIES, run, ways


@pytest.fixture(autouse=True)
def _no_events() -> None:
    EVENTS.clear()


@ways
@pytest.mark.parametrize("make", FACTORIES, ids=lambda make: getattr(make, "__qualname__", "?"))
def test_each_is_entered_once_and_left_once(make: Callable[[], Any], way: str) -> None:
    async def main() -> None:
        block = BLOCKS[way](make)
        assert await block.enter() == "value"
        assert EVENTS == ["in"]
        await block.leave(None)
        assert EVENTS == ["in", "out"]

    run(main())


@ways
@pytest.mark.parametrize("value", [None, 5, {"a": 1}, object()])
def test_any_other_value_is_handed_out(value: object, way: str) -> None:
    async def main() -> None:
        block = BLOCKS[way](lambda: value)
        assert await block.enter() is value
        await block.leave(None)

    run(main())


@ways
@pytest.mark.parametrize(
    "make", [asyncio.Lock, asyncio.Semaphore, threading.Lock, threading.RLock, threading.Condition]
)
def test_a_lock_is_handed_out_and_not_held(make: Callable[[], Any], way: str) -> None:
    async def main() -> None:
        block = BLOCKS[way](make)
        lock: Any = await block.enter()
        if isinstance(lock, asyncio.Lock | asyncio.Semaphore):
            assert await asyncio.wait_for(lock.acquire(), 30)
        else:
            assert await asyncio.to_thread(lock.acquire, timeout=30)

    run(main())


@ways
def test_an_executor_is_shut_down(way: str) -> None:
    async def main() -> None:
        block = BLOCKS[way](lambda: ThreadPoolExecutor(1))
        executor = await block.enter()
        assert executor.submit(lambda: 5).result() == 5
        await block.leave(None)
        with pytest.raises(RuntimeError):
            executor.submit(lambda: 5)

    run(main())


def test_a_plain_function_is_run_by_one_thread_from_first_to_last() -> None:
    seen = []

    def make() -> Iterator[None]:
        seen.append(threading.current_thread())
        yield
        seen.append(threading.current_thread())

    async def main() -> None:
        block = OwningThread("app:x", make)
        await block.enter()
        await block.leave(None)

    run(main())

    assert seen[0] is seen[1]
    assert seen[0].name == "app:x"
    assert not seen[0].is_alive() or seen[0].join(30) is None


def test_a_thread_that_nobody_waits_for_leaves_once_it_has_entered() -> None:
    began, go_on, left = threading.Event(), threading.Event(), threading.Event()

    def make() -> Iterator[None]:
        began.set()
        go_on.wait(10)
        yield
        left.set()

    async def main() -> None:
        entering = asyncio.create_task(OwningThread("app:x", make).enter())
        await asyncio.to_thread(began.wait, 10)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        go_on.set()
        assert await asyncio.to_thread(left.wait, 10)

    run(main())
