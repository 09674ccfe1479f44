"""Room in a durable queue that other programs make, and that transactions do not wait for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.sql.queue import SqlQueue
from tests.support import databases
from tests.support.clock import FakeClock
from tests.support.consuming import SOON, Running, run, until
from tests.support.driver_conformance.messages import (
    a_message,
    bodies,
    dead_letter,
    publish,
    received,
)
from tests.support.implementations import sql_driver

OPTIONS = {"sql": {"max_length": 3, "overflow": "wait", "overflow_timeout": 2.0}}


async def until_waiting(queue: SqlQueue, count: int) -> None:
    await until(lambda: queue.overflow.places == count)


def test_room_that_another_program_made_is_found_without_a_word_from_it(tmp_path: Path) -> None:
    async def test() -> None:
        fake = FakeClock()  # stands still: nobody's time is over
        async with databases.tasks(tmp_path / "a.db") as database:
            ours, theirs = (sql_driver(database, clock=fake.clock) for _ in range(2))
            queue, there = (driver.declare("q", OPTIONS) for driver in (ours, theirs))
            services = [Running(ours), Running(theirs)]
            for service in services:
                await asyncio.wait_for(service.ready.wait(), SOON)
            await publish(queue, "123")
            subscription = there.subscribe(0)
            held = [await received(subscription) for _ in range(3)]
            publishers = []
            for count, body in enumerate("456"):
                publishers.append(asyncio.create_task(queue.publish(a_message(body))))
                await until_waiting(queue, count + 1)
            for message in held[:2]:
                await subscription.ack(message)
            for publisher in publishers[:2]:
                await asyncio.wait_for(publisher, SOON)

            assert await bodies(subscription, 2) == ["4", "5"]
            assert not publishers[2].done()
            publishers[2].cancel()
            for service in services:
                await service.end()

    run(test)


def test_a_publish_inside_of_a_transaction_is_refused_at_once(tmp_path: Path) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with databases.tasks(tmp_path / "a.db") as database:
            driver = sql_driver(database, clock=fake.clock)
            queue = driver.declare("q", OPTIONS)
            service = Running(driver)
            await asyncio.wait_for(service.ready.wait(), SOON)
            await publish(queue, "123")
            async with database.transaction() as transaction:
                with pytest.raises(Full, match=r"is full \(3\)$"):
                    await queue.publish(a_message("4"), transaction=transaction)
            await service.end()

    run(test)


def test_a_requeued_letter_waits_for_room_as_a_publish_does(tmp_path: Path) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with databases.tasks(tmp_path / "a.db") as database:
            driver = sql_driver(database, clock=fake.clock)
            queue = driver.declare("q", OPTIONS)
            service = Running(driver)
            await asyncio.wait_for(service.ready.wait(), SOON)
            subscription = queue.subscribe(0)
            await publish(queue, "1")
            dead = await received(subscription)
            await subscription.bury(dead, dead_letter(dead), None)
            await publish(queue, "234")
            first = await received(subscription)
            letter = await queue.find_dead_letter(dead.id)
            assert letter is not None
            requeueing = asyncio.create_task(queue.requeue(letter, letter, queue))
            await until_waiting(queue, 1)
            await subscription.ack(first)
            await asyncio.wait_for(requeueing, SOON)

            assert sorted(await bodies(subscription, 3)) == ["1", "3", "4"]
            await service.end()

    run(test)
