"""A server that crashes, stands still or drops connections: nothing accepted is lost, nothing of an
earlier owner is settled, and nothing waits for ever.
"""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.sql.operations import Claim, Publish, Retry
from runtime.engines.sql.contract import Uncertain
from runtime.service import Unavailable
from tests.support.consuming import run
from tests.support.postgres_program import claimed, owner_after, program, published
from tests.support.postgres_schema import PostgresSchema
from tests.support.postgres_server import PostgresServer
from tests.support.store_conformance.suite import QUEUE, a_message, ack


def test_what_was_accepted_is_there_after_the_server_crashed(
    postgres_server: PostgresServer,
) -> None:
    async def test() -> None:
        async with program(postgres_server.url, durable=True) as here:
            await here.publish(*(a_message(str(number)) for number in range(20)))
            before = here.store.owner
            await here.claim(5)
            postgres_server.kill()
            with pytest.raises(Unavailable):
                await here.publish(a_message())
            postgres_server.start()
            await owner_after(here, before)
            report = next(report for report in here.reports if report.expired)
            assert report.fault is None
            bodies = {(await claimed(here))[1].body for _ in range(20)}

            assert bodies == {str(number).encode() for number in range(20)}

    run(test)


def test_a_token_that_the_server_gives_again_does_not_settle_what_is_held_by_now(
    postgres_server: PostgresServer,
) -> None:
    async def test() -> None:
        async with program(postgres_server.url, durable=True) as here:
            await here.publish(a_message("a"))
            seq, first = await here.one()
            before = here.store.owner
            # The server forgets the claim, as if it had crashed before that was on disk.
            postgres_server.execute(
                "UPDATE runtime_message SET state = 0, owner = NULL, attempt = 0, token = 0"
            )
            postgres_server.kill()
            postgres_server.start()
            await owner_after(here, before)
            held = await claimed(here)
            tokens = postgres_server.execute("SELECT token FROM runtime_message")
            with pytest.raises(Unavailable):  # its connection was one to the server before
                await here.store.settle(ack((seq, first)))
            for item in ack((seq, first)), Retry(seq, first.token, 0.0):
                with pytest.raises(NotHeld):
                    await here.store.settle(item)
            assert tokens == [(1,)]  # the same one again
            assert await here.counts() == (0, 0, 1, 0)
            await here.store.settle(ack(held))

            assert await here.counts() == (0, 0, 0, 0)

    run(test)


def test_nothing_is_claimed_on_a_new_connection_under_a_lease_of_before(
    postgres_server: PostgresServer,
) -> None:
    async def test() -> None:
        async with program(postgres_server.url, durable=True) as here:
            await here.publish(a_message("a"))
            claim = Claim(QUEUE, here.store.owner, 1, True)
            postgres_server.kill()
            postgres_server.start()
            # The claim comes before the keeper has taken another owner, or after it.
            with pytest.raises(Unavailable):
                await here.store.claim(claim)
            assert (await claimed(here))[1].attempt == 1

    run(test)


def test_a_server_that_stands_still_is_unavailable_and_nothing_hangs(
    postgres_server: PostgresServer,
) -> None:
    async def test() -> None:
        async with program(postgres_server.url, durable=True) as here:
            postgres_server.suspend()
            item = Publish(QUEUE, a_message("late"), 0.0, None)
            with pytest.raises(Uncertain):
                await here.store.publish(item, None)
            with pytest.raises(Unavailable):  # no new connection either
                await here.store.publish(item, None)
            postgres_server.resume()
            await published(here, "again")
            bodies = {(await claimed(here))[1].body}
            if bodies == {b"late"}:  # its outcome was not known
                bodies.add((await claimed(here))[1].body)

            assert b"again" in bodies

    run(test)


def test_who_waits_behind_a_statement_that_timed_out_is_refused_with_it(
    postgres_server: PostgresServer,
) -> None:
    async def test() -> None:
        async with program(postgres_server.url, durable=True) as here:
            postgres_server.suspend()
            sent = here.store.publish(Publish(QUEUE, a_message("sent"), 0.0, None), None)
            await asyncio.sleep(0)  # it is on its way now
            await asyncio.sleep(0)
            waiting = here.store.publish(Publish(QUEUE, a_message("waiting"), 0.0, None), None)
            with pytest.raises(Uncertain):
                await sent
            with pytest.raises(Unavailable, match="does not answer") as refused:
                await waiting
            assert not isinstance(refused.value, Uncertain)
            postgres_server.resume()

    run(test)


def test_a_lane_that_lost_its_connection_opens_another_under_the_same_lease(
    postgres: PostgresSchema,
) -> None:
    async def test() -> None:
        async with program(postgres.url) as here:
            await here.publish(a_message("a"), a_message("b"))
            held = await here.one()
            before = here.store.owner
            for query in "%UPDATE%SKIP LOCKED%", "%INSERT INTO%runtime_message%":
                postgres.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND query LIKE %s",
                    query,
                )
            with pytest.raises(Unavailable):
                await here.publish(a_message())
            seq, message = await claimed(here)
            await here.store.settle(ack(held))
            await here.store.settle(ack((seq, message)))

            assert message.body == b"b"
            assert here.store.owner == before
            assert not any(report.expired for report in here.reports)

    run(test)


def test_a_store_whose_session_was_ended_gives_up_what_it_held(postgres: PostgresSchema) -> None:
    async def test() -> None:
        async with program(postgres.url) as here:
            await here.publish(a_message("a"))
            held, before = await here.one(), here.store.owner
            postgres.execute("SELECT pg_terminate_backend(pid, 5000) FROM runtime_owner")
            await owner_after(here, before)
            with pytest.raises(NotHeld):
                await here.store.settle(ack(held))
            again = await here.claim(1)

            assert [message.attempt for _, message in again.messages] == [2]
            assert not again.suspect  # the program did not die of it

    run(test)
