"""The driver on a real broker: what it makes there, what it refuses, and others' messages."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pika
import pytest

from runtime.engines.queue.amqp.topology import rounded
from runtime.engines.queue.message import Message, next_id
from runtime.service import StartError, Unavailable
from tests.support.brokers import amqp_driver
from tests.support.clock import FakeClock
from tests.support.driver_conformance.messages import (
    a_message,
    bodies,
    nothing_else,
    received,
)
from tests.support.rabbitmq_vhost import RabbitMQVhost
from tests.support.server_process import free_port
from tests.support.traffic import supervised

OPTIONS = {"amqp": {"max_length": 100}}


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


async def start(url: str, *names: str, max_length: int = 100) -> None:
    """Run a driver with queues of these names until it is ready."""
    driver = amqp_driver(url)
    for name in names:
        driver.declare(name, {"amqp": {"max_length": max_length}})
    stop = asyncio.Event()
    await driver.run(lambda where="": stop.set(), stop)


def test_another_length_is_refused_with_the_mend(rabbitmq: RabbitMQVhost) -> None:
    run(start(rabbitmq.url, "tasks"))
    with pytest.raises(StartError) as told:
        run(start(rabbitmq.url, "tasks", max_length=7))

    assert "'tasks' is on the broker with other arguments" in str(told.value)
    assert "x-max-length" in str(told.value)
    assert "rabbitmqctl delete_queue tasks" in str(told.value)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["tasks", "tasks.dead"], "'tasks.dead' is where 'app:queues' keeps the dead letters of"),
        (["x" * 251], "too long for RabbitMQ"),
        (["amq.tasks"], "begins with 'amq.'"),
    ],
)
def test_names_that_cannot_be_are_refused(
    names: list[str], said: str, rabbitmq: RabbitMQVhost
) -> None:
    with pytest.raises(StartError, match=said):
        run(start(rabbitmq.url, *names))


def test_a_wrong_password_and_a_wrong_virtual_host_are_told_without_it(
    rabbitmq: RabbitMQVhost,
) -> None:
    with pytest.raises(StartError, match="refuses the user 'guest'") as told:
        run(start(rabbitmq.url.replace("guest:guest", "guest:hunter2")))
    assert "hunter2" not in str(told.value)
    with pytest.raises(StartError, match="may not use the virtual host 'elsewhere'"):
        run(start(rabbitmq.url.replace(rabbitmq.name, "elsewhere")))


def test_a_broker_that_is_not_there_is_waited_for() -> None:
    with pytest.raises(Unavailable, match="Connection refused"):
        run(start(f"amqp://127.0.0.1:{free_port()}"))


def test_messages_of_other_systems_are_received(rabbitmq: RabbitMQVhost) -> None:
    async def main() -> None:
        driver = amqp_driver(rabbitmq.url)
        queue = driver.declare("tasks", OPTIONS)
        async with supervised(driver):
            odd = {"n": 7, "list": [1, None], "bytes": b"\xff", "x_attempt": "no", "x_due": "no"}
            with rabbitmq.connect() as connection:
                channel = connection.channel()
                channel.basic_publish("", "tasks", b"[1]")
                channel.basic_publish("", "tasks", b"[2]", pika.BasicProperties(headers=odd))
            subscription = queue.subscribe(10)
            plain, strange = await received(subscription), await received(subscription)

            assert (plain.body, plain.attempt, dict(plain.headers)) == (b"[1]", 1, {})
            assert plain.id
            assert strange.attempt == 1
            assert strange.headers["n"] == "7"

    run(main())


def test_headers_that_route_are_a_users_own(rabbitmq: RabbitMQVhost) -> None:
    headers = {"CC": "other", "x-death": "a", "x_attempt": "9", "y" * 300: "long", "plain": "p"}

    async def main() -> None:
        driver = amqp_driver(rabbitmq.url)
        queue, other = driver.declare("tasks", OPTIONS), driver.declare("other", OPTIONS)
        async with supervised(driver):
            await queue.publish(Message(next_id(), b"1", headers))
            message = await received(queue.subscribe(1))

            assert dict(message.headers) == headers
            assert message.attempt == 1
            assert (await other.info()).ready == 0

    run(main())


def test_what_is_too_large_is_refused_and_harms_no_other(rabbitmq: RabbitMQVhost) -> None:
    async def main() -> None:
        driver = amqp_driver(rabbitmq.url)
        queue = driver.declare("tasks", OPTIONS)
        async with supervised(driver) as running:
            with pytest.raises(ValueError, match="too large for RabbitMQ"):
                await queue.publish(Message(next_id(), bytes(17 * 2**20)))
            with pytest.raises(ValueError, match="too large for AMQP"):
                await queue.publish(Message(next_id(), b"1", {"a": "x" * 200_000}))
            await queue.publish(a_message("1"))
            assert await bodies(queue.subscribe(1), 1) == ["1"]
        assert running.ends == []

    run(main())


def test_a_delay_beyond_that_of_any_delay_queue_goes_round(rabbitmq: RabbitMQVhost) -> None:
    fake = FakeClock()

    async def main() -> None:
        driver = amqp_driver(rabbitmq.url, clock=fake.clock)
        queue = driver.declare("tasks", OPTIONS)
        early, due = fake.clock.time() + 86_400, fake.clock.time() - 1
        async with supervised(driver):
            with rabbitmq.connect() as connection:
                channel = connection.channel()
                for body, moment in (b"1", early), (b"2", due):
                    headers = {"x_due": round(moment * 1e6)}
                    channel.basic_publish("", "tasks", body, pika.BasicProperties(headers=headers))
            subscription = queue.subscribe(10)

            assert await bodies(subscription, 1) == ["2"]
            assert await nothing_else(queue, subscription)

    run(main())


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [(0.0001, 1), (0.05, 50), (0.0991, 100), (1.234, 1300), (60, 60_000), (1e300, 3_600_000_000)],
)
def test_delays_are_rounded_up_to_two_digits(seconds: float, milliseconds: int) -> None:
    assert rounded(seconds) == milliseconds
