"""The runtime's queue.driver.amqp, on a quorum queue."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.queues import ours
from tests.support.brokers import on

TITLE = "runtime, queue.driver.amqp"
SERVER = "RabbitMQ"
PACKAGES = ["pika"]
COUNT = 20_000


class Tool(ours.Tool):
    def __init__(self, url: str, done: Callable[[], None]) -> None:
        super().__init__(on(url), done)
