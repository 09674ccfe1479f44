"""A planned time is fired once, by whichever program is first."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.sql.operations import FIRED_FOR, Fire, Publish
from tests.support.consuming import run
from tests.support.store_conformance.suite import QUEUE, Program, Site, a_message
from tests.support.stores import STORES

each_store = pytest.mark.parametrize("store", ["sqlite", "postgres"])
HOUR = 1_700_000_000.0


def fire(at: float, limit: int | None = None) -> Fire:
    return Fire("app:hourly", at, Publish(QUEUE, a_message(str(at)), 0.0, limit))


async def programs(site: Site, count: int, stack: AsyncExitStack) -> list[Program]:
    opened = [Program(site.store()) for _ in range(count)]
    for program in opened:
        stack.callback(program.store.abandon)
        await program.open()
    return opened


@each_store
def test_of_eight_replicas_one_publishes_each_planned_time(store: str) -> None:
    async def test() -> None:
        async with STORES[store].open() as site, AsyncExitStack() as stack:
            replicas = await programs(site, 8, stack)
            times = [HOUR + 60 * number for number in range(60)]

            async def replica(program: Program) -> list[str | None]:
                return [await program.store.fire(fire(at)) for at in times]

            answers = await asyncio.gather(*(replica(program) for program in replicas))
            fired = [[answer for answer in each if answer] for each in zip(*answers, strict=True)]

            assert [len(each) for each in fired] == [1] * 60
            assert await replicas[0].counts() == (60, 0, 0, 0)

    run(test)


@each_store
def test_a_time_that_met_a_full_queue_is_still_to_be_fired(store: str) -> None:
    async def test() -> None:
        async with STORES[store].open() as site, AsyncExitStack() as stack:
            (program,) = await programs(site, 1, stack)
            await program.publish(a_message())
            with pytest.raises(Full):
                await program.store.fire(fire(HOUR, limit=1))
            await program.claim()

            assert await program.store.fire(fire(HOUR, limit=2)) is not None
            assert await program.store.fire(fire(HOUR, limit=2)) is None

    run(test)


@each_store
def test_times_of_long_ago_are_forgotten(store: str) -> None:
    async def test() -> None:
        async with STORES[store].open() as site, AsyncExitStack() as stack:
            (program,) = await programs(site, 1, stack)
            for at in HOUR, HOUR + FIRED_FOR, HOUR + 2 * FIRED_FOR:
                await program.store.fire(fire(at))
            rows = await site.database.query("SELECT at FROM runtime_fired ORDER BY at")

            assert [row["at"] / 1_000_000 for row in rows] == [
                HOUR + FIRED_FOR,
                HOUR + 2 * FIRED_FOR,
            ]

    run(test)
