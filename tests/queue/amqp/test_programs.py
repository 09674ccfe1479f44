"""Several programs on one queue of a broker; each driver here has connections of its own."""

from __future__ import annotations

import asyncio
from typing import Any

from runtime.engines.queue.queue import Queue
from runtime.modules import queue as module
from runtime.telemetry import Telemetry
from tests.support.brokers import amqp_driver
from tests.support.consuming import AT_ONCE, SOON, consuming
from tests.support.listening import Recorder
from tests.support.rabbitmq_vhost import RabbitMQVhost
from tests.support.traffic import supervised

OPTIONS = {"amqp": {"max_length": 10_000}}
RULES: dict[str, Any] = {"max_attempts": 3, "max_requeues": 10}


def test_the_trace_of_a_publication_goes_on_in_another_program(rabbitmq: RabbitMQVhost) -> None:
    published, processed = Recorder(), Recorder()

    async def main() -> None:
        sender, receiver = amqp_driver(rabbitmq.url), amqp_driver(rabbitmq.url)
        out, into = (each.declare("tasks", OPTIONS) for each in (sender, receiver))
        handled = asyncio.Event()

        async def handler(body: Any) -> None:
            handled.set()

        telemetry = Telemetry(processed)
        queue = Queue("app:q", into, AT_ONCE, telemetry=telemetry, **RULES)
        traced = Queue("app:q", out, AT_ONCE, telemetry=Telemetry(published), **RULES)
        programs = supervised(sender), supervised(receiver)
        async with programs[0], programs[1], consuming(queue, handler, telemetry=telemetry):
            await traced.publish({"n": 1})
            await asyncio.wait_for(handled.wait(), SOON)

    asyncio.run(main())
    (publish,) = [span for span in published.ended if span.name == "queue.publish"]
    (process,) = [span for span in processed.ended if span.name == "queue.process"]
    assert (process.trace_id, process.parent_id) == (publish.trace_id, publish.span_id)


def test_a_program_that_drains_under_load_leaves_all_it_had_to_the_other(
    rabbitmq: RabbitMQVhost,
) -> None:
    async def main() -> None:
        seen: set[int] = set()
        by: dict[str, set[int]] = {"leaves": set(), "stays": set()}
        changed = asyncio.Event()
        drivers = {name: amqp_driver(rabbitmq.url, heartbeat=30) for name in by}
        queues = {
            name: Queue("app:q", driver.declare("tasks", OPTIONS), AT_ONCE, **RULES)
            for name, driver in drivers.items()
        }

        def handler(name: str) -> Any:
            async def handle(body: int) -> None:
                assert module.message().attempt >= 1
                by[name].add(body)
                seen.add(body)
                changed.set()

            return handle

        async def until(done: Any) -> None:
            async with asyncio.timeout(SOON):
                while not done():
                    changed.clear()
                    await changed.wait()

        stays, leaves = queues["stays"], queues["leaves"]
        async with supervised(drivers["stays"]), consuming(stays, handler("stays")):
            async with supervised(drivers["leaves"]), consuming(leaves, handler("leaves")):
                publishing = asyncio.gather(*(stays.publish(n) for n in range(2000)))
                await until(lambda: by["leaves"] and by["stays"])
            await publishing
            await until(lambda: len(seen) == 2000)

    asyncio.run(main())
