"""Nothing that a broker confirmed is lost, whatever happens to it, to the client or between."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from functools import partial
from typing import Any

import pytest

from runtime.engines.queue.driver_queue import NotHeld
from runtime.service import Unavailable
from tests.support.brokers import amqp_driver
from tests.support.consuming import SOON
from tests.support.driver_conformance.messages import (
    a_message,
    dead_letter,
    publish,
    received,
)
from tests.support.rabbitmq_server import RabbitMQServer
from tests.support.rabbitmq_vhost import RabbitMQVhost
from tests.support.tcp_proxy import TcpProxy
from tests.support.traffic import Traffic, supervised

OPTIONS = {"amqp": {"max_length": 100_000}}


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


@pytest.fixture
def proxy(rabbitmq: RabbitMQVhost) -> Iterator[TcpProxy]:
    proxy = TcpProxy(rabbitmq.port)
    yield proxy
    proxy.close()


def through(proxy: TcpProxy, rabbitmq: RabbitMQVhost) -> str:
    return rabbitmq.url.replace(f":{rabbitmq.port}/", f":{proxy.port}/")


def test_nothing_is_lost_when_the_connection_breaks(
    rabbitmq: RabbitMQVhost, proxy: TcpProxy
) -> None:
    async def main() -> None:
        driver = amqp_driver(through(proxy, rabbitmq))
        queue = driver.declare("tasks", OPTIONS)
        async with supervised(driver) as running:
            traffic = Traffic(queue)
            for _ in range(2):
                await traffic.more(200)
                proxy.reset()
                assert "the connection to the broker was lost" in str(await running.again())
            assert await traffic.finish() == set()
        assert len(running.ends) == 2

    run(main())


def test_nothing_is_lost_in_a_partition_which_is_noticed(
    rabbitmq: RabbitMQVhost, proxy: TcpProxy
) -> None:
    async def main() -> None:
        driver = amqp_driver(through(proxy, rabbitmq), heartbeat=1)
        queue = driver.declare("tasks", OPTIONS)
        async with supervised(driver) as running:
            traffic = Traffic(queue)
            await traffic.more(500)
            proxy.hold()
            await asyncio.wait_for(running.ended.wait(), SOON)
            with pytest.raises(Unavailable):
                await queue.publish(a_message())
            proxy.release()
            await running.again()
            await traffic.more(100)
            assert await traffic.finish() == set()

    run(main())


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_is_lost_when_the_broker_ends(rabbitmq_server: RabbitMQServer, end: str) -> None:
    async def main() -> None:
        driver = amqp_driver(rabbitmq_server.url, heartbeat=1)
        queue = driver.declare(f"ended-{end}", OPTIONS)
        async with supervised(driver) as running:
            traffic = Traffic(queue)
            await asyncio.to_thread(rabbitmq_server.wait_until_kept, queue.name)
            await traffic.more(500)
            await asyncio.to_thread(getattr(rabbitmq_server, end))
            await asyncio.wait_for(running.ended.wait(), SOON)
            await asyncio.to_thread(rabbitmq_server.start)
            await running.again()
            await traffic.more(100)
            assert await traffic.finish() == set()

    run(main())


@pytest.mark.slow
def test_a_queue_that_confirms_nothing_is_told_and_harms_no_other(
    rabbitmq_server: RabbitMQServer,
) -> None:
    async def main() -> None:
        control = partial(asyncio.to_thread, rabbitmq_server.control)
        driver = amqp_driver(rabbitmq_server.url, heartbeat=2)
        led, leaderless = (driver.declare(name, OPTIONS) for name in ("led", "leaderless"))
        async with supervised(driver) as running:
            for queue in led, leaderless:  # the first one to each makes its broker wait for it
                await queue.publish(a_message())
            await control("eval", "sys:suspend('%2F_leaderless').")
            with pytest.raises(Unavailable, match=r"'leaderless' within 4 s.* has no leader"):
                await leaderless.publish(a_message())
            await led.publish(a_message())
            await control("eval", "sys:resume('%2F_leaderless').")
        assert running.ends == []

    run(main())


HOLDER = """
import asyncio, sys
from tests.support.brokers import amqp_driver
from tests.support.driver_conformance.messages import a_message

async def main():
    driver = amqp_driver(sys.argv[1])
    queue = driver.declare("tasks", {"amqp": {"max_length": 100}})
    ready = asyncio.Event()
    running = asyncio.create_task(driver.run(lambda where="": ready.set(), asyncio.Event()))
    await ready.wait()
    await queue.publish(a_message("7"))
    message = await queue.subscribe(1).receive()
    print(message.id, flush=True)
    await running

asyncio.run(main())
"""


def test_a_killed_program_gives_back_what_it_held_and_the_attempt_counts(
    rabbitmq: RabbitMQVhost,
) -> None:
    async def main() -> None:
        holder = await asyncio.create_subprocess_exec(
            sys.executable, "-c", HOLDER, rabbitmq.url, stdout=subprocess.PIPE
        )
        assert holder.stdout is not None
        id = (await holder.stdout.readline()).decode().strip()
        holder.kill()
        await holder.wait()
        driver = amqp_driver(rabbitmq.url)
        queue = driver.declare("tasks", {"amqp": {"max_length": 100}})
        async with supervised(driver):
            again = await received(queue.subscribe(1))

            assert (again.id, again.attempt) == (id, 2)

    run(main())


def test_a_broker_that_is_short_of_memory_refuses_at_once_and_takes_acks(
    rabbitmq_server: RabbitMQServer,
) -> None:
    async def main() -> None:
        driver = amqp_driver(rabbitmq_server.url)
        queue = driver.declare("alarmed", OPTIONS)
        async with supervised(driver) as running:
            await publish(queue, range(20))
            subscription = queue.subscribe(2)
            await asyncio.to_thread(rabbitmq_server.raise_memory_alarm)
            try:
                with pytest.raises(Unavailable, match="short of memory or disk"):
                    await asyncio.wait_for(queue.publish(a_message()), SOON)
                for _ in range(10):  # more than the prefetch: the broker took the acks
                    await subscription.ack(await received(subscription))
                failed = await received(subscription)
                retrying = asyncio.ensure_future(subscription.retry(failed, 0))
                died = await received(subscription)
                burying = asyncio.ensure_future(subscription.bury(died, dead_letter(died), None))
                await queue.info()
                assert not retrying.done()
                assert not burying.done()
            finally:
                await asyncio.to_thread(rabbitmq_server.clear_memory_alarm)
            await asyncio.wait_for(asyncio.gather(retrying, burying), SOON)
            await queue.publish(a_message())

            assert (await queue.info()).dead == 1
        assert running.ends == []

    run(main())


def test_a_queue_that_is_deleted_is_made_again(rabbitmq: RabbitMQVhost) -> None:
    async def main() -> None:
        driver = amqp_driver(rabbitmq.url)
        queue = driver.declare("tasks", OPTIONS)
        async with supervised(driver) as running:
            subscription = queue.subscribe(1)
            await publish(queue, "1")
            await subscription.ack(await received(subscription))
            waiting = asyncio.ensure_future(received(subscription))
            await asyncio.to_thread(rabbitmq.api, "DELETE", "/queues/{vhost}/tasks")
            assert "'tasks' was deleted" in str(await running.again())
            await queue.publish(a_message("7"))

            assert (await waiting).body == b"7"

    run(main())


def test_a_publish_to_a_queue_that_was_deleted_is_refused_and_the_next_one_taken(
    rabbitmq: RabbitMQVhost,
) -> None:
    async def main() -> None:
        driver = amqp_driver(rabbitmq.url)
        queue = driver.declare("tasks", OPTIONS)
        async with supervised(driver) as running:
            await asyncio.to_thread(rabbitmq.api, "DELETE", "/queues/{vhost}/tasks")
            with pytest.raises(Unavailable, match="'tasks' is gone from the broker"):
                await queue.publish(a_message())
            await running.again()
            await queue.publish(a_message())

    run(main())


def test_what_is_held_over_a_lost_connection_is_settled_by_nobody(
    rabbitmq: RabbitMQVhost, proxy: TcpProxy
) -> None:
    async def main() -> None:
        driver = amqp_driver(through(proxy, rabbitmq))
        queue = driver.declare("tasks", OPTIONS)
        async with supervised(driver) as running:
            await publish(queue, "12")
            subscription = queue.subscribe(2)
            acked, retried = await received(subscription), await received(subscription)
            proxy.reset()
            await running.again()
            with pytest.raises(NotHeld):
                await subscription.ack(acked)
            with pytest.raises(NotHeld):
                await subscription.retry(retried, 0)
            await subscription.release([acked, retried])
            again = [await received(subscription) for _ in "12"]

            assert [(each.body, each.attempt) for each in again] == [(b"1", 2), (b"2", 2)]

    run(main())
