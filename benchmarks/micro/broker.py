"""Broker: the client's CPU for a message on RabbitMQ, published with confirms and acked.

python -m benchmarks.micro.broker amqp://guest:guest@127.0.0.1
"""

from __future__ import annotations

import asyncio
import sys
from time import process_time

from runtime.engines.queue.amqp.address import parse
from runtime.engines.queue.amqp.driver import AmqpDriver
from runtime.engines.queue.amqp.settings import Settings, Tls
from runtime.engines.queue.driver_queue import DriverQueue
from runtime.engines.queue.message import Message, next_id

MESSAGES, CALLERS, PREFETCH, ROUNDS = 10_000, 64, 100, 5
BODY = b'{"action":"uppercase","data":{"text":"' + b"x" * 120 + b'"}}'


async def publish(queue: DriverQueue) -> None:
    async def call() -> None:
        for _ in range(MESSAGES // CALLERS):
            await queue.publish(Message(next_id(), BODY, published=1.7e9))

    await asyncio.gather(*(call() for _ in range(CALLERS)))


async def consume(queue: DriverQueue) -> None:
    subscription = queue.subscribe(PREFETCH)
    for _ in range(MESSAGES // CALLERS * CALLERS):
        await subscription.ack(subscription.take() or await subscription.receive())
    await subscription.close()


async def measure(url: str) -> dict[str, float]:
    """Least CPU µs a message of some rounds, for both ways."""
    tls = Tls(ca=None, cert=None, key=None, server_name=None, verify=True)
    settings = Settings(address=parse(url), name="benchmark", heartbeat=5, tls=tls)
    driver = AmqpDriver("benchmark", settings)
    queue = driver.declare("runtime.benchmark", {"amqp": {"max_length": 10 * MESSAGES}})
    ready, stop = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(driver.run(lambda where="": ready.set(), stop))
    await ready.wait()
    least = {"publish": float("inf"), "consume": float("inf")}
    for _ in range(ROUNDS):
        for name, work in ("publish", publish), ("consume", consume):
            began = process_time()
            await work(queue)
            least[name] = min(least[name], (process_time() - began) / MESSAGES * 1e6)
    stop.set()
    await running
    return least


if __name__ == "__main__":
    for name, cost in asyncio.run(measure(sys.argv[1])).items():
        print(f"{name}: {cost:.1f} µs of CPU a message")
