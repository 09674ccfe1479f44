"""What becomes of a message, for all who follow it: one of them looks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime.engines.queue.changes import Watch, changes
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.status import Record, UnknownMessage
from tests.support.consuming import consuming, run, until
from tests.support.tracking import each_driver, opened


async def follow(queue: Queue, id: str, watches: dict[str, Watch], seen: list[str]) -> None:
    async for status in changes(queue, id, watches):
        seen.append(status.status)


async def work(body: Any) -> None:
    pass


@each_driver
def test_one_looks_for_all_who_follow_a_message(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):
            find, lookers = queue.tracked.find, set()

            async def counted(id: str) -> Record | None:
                lookers.add(asyncio.current_task())
                return await find(id)

            id = await queue.publish(1)
            queue.tracked.find = counted  # type: ignore[method-assign]
            watches: dict[str, Watch] = {}
            lists: list[list[str]] = [[] for _ in range(20)]
            first, *others = (follow(queue, id, watches, seen) for seen in lists)
            following = [asyncio.create_task(first)]
            await until(lambda: bool(lists[0]))
            following += [asyncio.create_task(each) for each in others]
            await until(lambda: all(lists))
            async with consuming(queue, work):
                await asyncio.gather(*following)

            assert all((seen[0], seen[-1]) == ("queued", "done") for seen in lists)
            assert len(lookers) == 2  # the first one's own look, and the watch
            assert watches == {}

    run(test)


def test_who_leaves_keeps_nobody_else_from_the_end_and_the_last_one_ends_the_looking() -> None:
    async def test() -> None:
        async with opened("memory") as (queue, _):
            id = await queue.publish(1)
            watches: dict[str, Watch] = {}
            lists: list[list[str]] = [[], []]
            one, other = (asyncio.create_task(follow(queue, id, watches, s)) for s in lists)
            await until(lambda: all(lists))
            one.cancel()
            await asyncio.wait([one])
            watch = watches[id]
            assert not watch.is_over
            other.cancel()
            await asyncio.wait([other])
            await until(lambda: watch.is_over)
            assert watches == {}

    run(test)


def test_an_error_of_a_look_ends_all_who_follow_and_the_next_one_looks_anew() -> None:
    async def test() -> None:
        async with opened("memory") as (queue, _):
            id, find = await queue.publish(1), queue.tracked.find
            watches: dict[str, Watch] = {}
            lists: list[list[str]] = [[], []]
            following = [asyncio.create_task(follow(queue, id, watches, s)) for s in lists]
            await until(lambda: all(lists))

            async def away(id: str) -> Record | None:
                raise ConnectionError("away")

            queue.tracked.find = away  # type: ignore[method-assign]
            ends = await asyncio.gather(*following, return_exceptions=True)
            assert [str(end) for end in ends] == ["away", "away"]
            queue.tracked.find = find  # type: ignore[method-assign]
            async for status in changes(queue, id, watches):
                assert status.status == "queued"
                break
            with pytest.raises(UnknownMessage):
                await follow(queue, "nobody", watches, [])

    run(test)
