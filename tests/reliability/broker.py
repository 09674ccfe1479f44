"""Broker: RabbitMQ is killed and restarted, cut off and short of memory, under load.

The driver runs in this process, and again whenever it fails, as a supervisor has it. Publishers and
receivers go on through all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from tests.reliability.scenario import Outcome, Size, Trial, trial
from tests.support.brokers import amqp_driver
from tests.support.rabbitmq_server import RabbitMQServer, require_rabbitmq, url
from tests.support.tcp_proxy import TcpProxy
from tests.support.traffic import Supervised, Traffic, supervised

NAME = "RabbitMQ: kill -9, restarts, a partition, a memory alarm, 16 publishers"
SHORT = Size(messages=200, times=1)
LONG = Size(messages=2_000, times=10)


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """`times` kills and half as many restarts; `messages` are accepted between two faults."""
    require_rabbitmq()
    with trial(NAME, folder, size, seed) as t, RabbitMQServer().running() as server:
        proxy = TcpProxy(server.port)
        try:
            asyncio.run(break_it(t, server, proxy))
        finally:
            proxy.close()
    return t.outcome


async def break_it(t: Trial, server: RabbitMQServer, proxy: TcpProxy) -> None:
    driver = amqp_driver(url(proxy.port), heartbeat=1)
    queue = driver.declare("tasks", {"amqp": {"max_length": 1_000_000}})
    async with supervised(driver) as running:
        traffic = Traffic(queue)
        await asyncio.to_thread(server.wait_until_kept, queue.name)
        faults = [server.kill] * t.size.times + [server.stop] * (t.size.times // 2 or 1)
        t.chance.shuffle(faults)
        for fault in faults:
            async with interrupted(t, traffic):
                await restart(server, fault, running)
        async with interrupted(t, traffic):
            proxy.hold()
            await running.ended.wait()
            proxy.release()
            await running.again()
        async with interrupted(t, traffic):
            await asyncio.to_thread(server.raise_memory_alarm)
            await asyncio.to_thread(server.clear_memory_alarm)
        lost = await traffic.finish()
    t.outcome.accepted = len(traffic.accepted)
    t.outcome.lost = len(lost)
    t.outcome.twice = traffic.received.total() - len(traffic.received)
    assert not lost, f"{len(lost)} confirmed messages never came"


async def restart(server: RabbitMQServer, end: Callable[[], None], running: Supervised) -> None:
    await asyncio.to_thread(end)
    await running.ended.wait()
    await asyncio.to_thread(server.start)
    await running.again()


@asynccontextmanager
async def interrupted(t: Trial, traffic: Traffic) -> AsyncIterator[None]:
    """A fault after some messages; it is over when a message is accepted again."""
    await traffic.more(t.size.messages)
    began = monotonic()
    yield
    await traffic.more(1)
    t.outcome.recovery = max(t.outcome.recovery or 0.0, monotonic() - began)
