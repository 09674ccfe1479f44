"""Blocks that fail, and errors that are raised in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from runtime.engines.resource.block import LoopBlock
from runtime.service import StartError
from tests.support.blocks import BLOCKS, EVENTS, FACTORIES, AsyncManaged, Managed, run, ways


@pytest.fixture(autouse=True)
def _no_events() -> None:
    EVENTS.clear()


def nothing() -> Iterator[None]:
    return
    yield


async def nothing_async() -> AsyncIterator[None]:
    return
    yield


def twice() -> Iterator[int]:
    try:
        yield 1
        yield 2
    finally:
        EVENTS.append("closed")


async def twice_async() -> AsyncIterator[int]:
    try:
        yield 1
        yield 2
    finally:
        EVENTS.append("closed")


@ways
@pytest.mark.parametrize("make", [nothing, nothing_async, contextmanager(nothing)])
def test_a_generator_without_a_yield_is_told_so(make: Callable[[], Any], way: str) -> None:
    async def main() -> None:
        with pytest.raises(StartError, match="it ended without a 'yield'"):
            await BLOCKS[way](make).enter()

    run(main())


@ways
@pytest.mark.parametrize("make", [twice, twice_async, asynccontextmanager(twice_async)])
def test_a_generator_that_yields_again_is_told_so_and_closed(
    make: Callable[[], Any], way: str
) -> None:
    async def main() -> None:
        block = BLOCKS[way](make)
        assert await block.enter() == 1
        with pytest.raises(StartError, match="it yielded a second time"):
            await block.leave(None)
        assert EVENTS == ["closed"]

    run(main())


class Lenient(Managed):
    def __exit__(self, *error: object) -> bool:
        EVENTS.append(repr(error[1]))
        return True


class LenientAsync(AsyncManaged):
    async def __aexit__(self, *error: object) -> bool:
        EVENTS.append(repr(error[1]))
        return True


def lenient() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        EVENTS.append(repr(error))


async def lenient_async() -> AsyncIterator[None]:
    try:
        yield
    except ValueError as error:
        EVENTS.append(repr(error))


@pytest.mark.parametrize("make", [lenient, lenient_async, Lenient, LenientAsync])
def test_an_error_on_the_loop_is_raised_in_the_block_which_may_catch_it(
    make: Callable[[], Any],
) -> None:
    async def main() -> None:
        block = LoopBlock(make)
        await block.enter()
        await block.leave(ValueError("x"))
        assert EVENTS[-1] == "ValueError('x')"

    run(main())


@ways
@pytest.mark.parametrize("make", [*FACTORIES, lambda: 5])
def test_an_error_that_is_not_caught_goes_on(make: Callable[[], Any], way: str) -> None:
    async def main() -> None:
        block = BLOCKS[way](make)
        await block.enter()
        with pytest.raises(KeyError):
            await block.leave(KeyError("x"))

    run(main())


@ways
def test_a_stop_iteration_is_an_error_like_any_other(way: str) -> None:
    def make() -> None:
        raise StopIteration("x")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await BLOCKS[way](make).enter()

    run(main())
