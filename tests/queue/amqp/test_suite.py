"""The driver for RabbitMQ, put through the suite of all drivers."""

from __future__ import annotations

import asyncio

import pytest

from runtime.kinds.queue.driver import amqp
from tests.support.brokers import on
from tests.support.driver_conformance import Case, cases, check
from tests.support.implementations import IMPLEMENTATIONS
from tests.support.rabbitmq_vhost import RabbitMQVhost


@pytest.mark.parametrize("case", cases(amqp.kind.unsupported), ids=lambda case: case.__name__)
def test_driver(rabbitmq: RabbitMQVhost, case: Case) -> None:
    asyncio.run(check(on(rabbitmq.url), IMPLEMENTATIONS["memory"], case))
