"""A handler that blocks the event loop: the broker gives up the connection, and is found out."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from tests.support.brokers import amqp_driver
from tests.support.driver_conformance.messages import received
from tests.support.rabbitmq_vhost import RabbitMQVhost
from tests.support.traffic import supervised

BLOCKED = """
import asyncio, sys
from runtime.engines.queue.driver_queue import NotHeld
from tests.support.brokers import amqp_driver
from tests.support.driver_conformance.messages import a_message
from tests.support.traffic import supervised

async def main():
    driver = amqp_driver(sys.argv[1], heartbeat=1)
    queue = driver.declare("tasks", {"amqp": {"max_length": 100}})
    async with supervised(driver) as running:
        await queue.publish(a_message("7"))
        subscription = queue.subscribe(1)
        message = await subscription.receive()
        print(message.id, flush=True)
        sys.stdin.readline()  # blocks the loop, as a handler does that never awaits
        print(await running.again(), flush=True)
        try:
            await subscription.ack(message)
        except NotHeld:
            print("not held", flush=True)

asyncio.run(main())
"""


def test_what_a_blocked_program_holds_goes_to_another_and_its_ack_is_refused(
    rabbitmq: RabbitMQVhost,
) -> None:
    async def main() -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        blocked = await asyncio.create_subprocess_exec(
            sys.executable, "-c", BLOCKED, rabbitmq.url, **pipes
        )
        assert blocked.stdin is not None
        assert blocked.stdout is not None
        id = (await blocked.stdout.readline()).decode().strip()
        driver = amqp_driver(rabbitmq.url)
        queue = driver.declare("tasks", {"amqp": {"max_length": 100}})
        async with supervised(driver):
            subscription = queue.subscribe(1)
            again = await received(subscription)
            await subscription.ack(again)
            output, _ = await blocked.communicate(b"\n")

            assert (again.id, again.attempt) == (id, 2)
            assert "the connection to the broker was lost" in output.decode()
            assert output.decode().endswith("not held\n")

    asyncio.run(main())
