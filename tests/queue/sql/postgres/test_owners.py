"""Programs on one PostgreSQL: they find each other's deaths, and wake each other."""

from __future__ import annotations

import asyncio
import threading

import pytest

from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.sql.operations import Publish
from tests.support.consuming import run, until
from tests.support.postgres_program import program
from tests.support.postgres_schema import PostgresSchema
from tests.support.store_conformance.suite import LEASE, QUEUE, a_message, ack


def test_a_blocked_event_loop_is_no_death(postgres: PostgresSchema) -> None:
    async def test() -> None:
        async with program(postgres.url) as here:
            await here.publish(a_message("a"))
            held = await here.one()
            elsewhere = threading.Thread(target=asyncio.run, args=(look(),))
            elsewhere.start()
            elsewhere.join()  # the loop stands still for longer than a lease
            await here.store.settle(ack(held))

            assert await here.counts() == (0, 0, 0, 0)

    rescued: list[str] = []

    async def look() -> None:
        async with program(postgres.url) as there:
            ends = asyncio.get_running_loop().time() + 1.5 * LEASE
            while asyncio.get_running_loop().time() < ends:
                rescued.extend((await there.reported(lambda report: True)).rescued)

    run(test)
    assert rescued == []


def test_an_owner_of_another_role_is_dead_when_its_lease_has_expired(
    postgres: PostgresSchema,
) -> None:
    async def test() -> None:
        async with program(postgres.url) as here, program(postgres.url, lease=60.0) as there:
            await there.publish(a_message("a"))
            await there.claim()
            postgres.execute(
                "UPDATE runtime_owner SET role = 'somebody' WHERE id = %s", there.store.owner
            )
            owner = there.store.owner
            there.store.abandon()
            for _ in range(5):
                report = await here.reported(lambda report: True)
                assert not report.rescued
            postgres.execute(
                "UPDATE runtime_owner SET expires = clock_timestamp() WHERE id = %s", owner
            )
            await here.rescue()

    run(test)


def test_what_a_claim_took_while_its_owner_was_ended_is_released(postgres: PostgresSchema) -> None:
    async def test() -> None:
        async with program(postgres.url) as here:
            await here.publish(a_message("a"), a_message("b"))
            await here.claim(1)
            nobody = 4711
            postgres.execute("UPDATE runtime_message SET owner = %s WHERE state = 2", nobody)
            await here.rescue()

            assert await here.counts() == (2, 0, 0, 0)

    run(test)


def test_programs_notify_each_other_once_in_an_interval(postgres: PostgresSchema) -> None:
    async def test() -> None:
        async with program(postgres.url) as here, program(postgres.url) as there:
            await here.reported(lambda report: True)
            for _ in range(100):
                here.store.notify([QUEUE])
            await until(lambda: QUEUE in there.heard)
            await here.reported(lambda report: True)

            assert len(there.heard) <= 2
            assert here.heard == []

    run(test)


def test_who_does_not_listen_hears_nothing_and_looks(postgres: PostgresSchema) -> None:
    async def test() -> None:
        async with (
            program(postgres.url) as here,
            program(postgres.url, listen=False) as deaf,
            program(postgres.url) as there,
        ):
            await here.reported(lambda report: True)
            here.store.notify([QUEUE])
            await until(lambda: QUEUE in there.heard)
            await deaf.reported(lambda report: True)

            assert deaf.heard == []

    run(test)


def test_a_length_is_that_of_all_programs_within_a_second(postgres: PostgresSchema) -> None:
    async def test() -> None:
        async with program(postgres.url) as here, program(postgres.url) as there:
            item = Publish(QUEUE, a_message(), 0.0, 50)
            for _ in range(20):
                await here.store.publish(item, None)
                await there.store.publish(item, None)
            await here.reported(lambda report: True)  # forgets its estimate
            await asyncio.gather(*(here.store.publish(item, None) for _ in range(10)))
            with pytest.raises(Full) as refused:
                await here.store.publish(item, None)
            assert refused.value.length == 50
            await there.store.settle(ack(await there.one()))
            await here.store.publish(item, None)  # the sum is read before it is called full

            assert await here.counts() == (50, 0, 0, 0)

    run(test)


def test_the_changes_of_lengths_are_folded_and_their_sum_stays(postgres: PostgresSchema) -> None:
    async def test() -> None:
        async with program(postgres.url) as here, program(postgres.url) as there:
            for _ in range(70):
                await here.publish(a_message())
                await there.store.settle(ack(await there.one()))
            await here.publish(*(a_message() for _ in range(3)))

            def changes() -> list[tuple[object, ...]]:
                return postgres.execute("SELECT count(*), sum(change) FROM runtime_length")

            await until(lambda: changes()[0][0] < 64)  # type: ignore[operator]

            assert changes()[0][1] == 3

    run(test)
