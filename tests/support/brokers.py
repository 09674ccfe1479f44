"""Brokers: drivers on a real RabbitMQ server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from runtime.clock import REAL, Clock
from runtime.engines.queue.amqp.address import parse
from runtime.engines.queue.amqp.driver import AmqpDriver
from runtime.engines.queue.amqp.settings import Settings, Tls
from runtime.kinds.queue.driver import amqp
from tests.support.driver_conformance.suite import Implementation, Service

NO_TLS = Tls(ca=None, cert=None, key=None, server_name=None, verify=True)


def amqp_driver(url: str, *, heartbeat: float = 5.0, clock: Clock = REAL) -> AmqpDriver:
    """A driver with the defaults of its kind."""
    settings = Settings(address=parse(url), name="test", heartbeat=heartbeat, tls=NO_TLS)
    return AmqpDriver("app:queues", settings, clock=clock)


@asynccontextmanager
async def on_a_broker(url: str, clock: Clock) -> AsyncIterator[Service]:
    yield amqp_driver(url, clock=clock)


def on(url: str) -> Implementation:
    """The driver on the broker of that URL, for the suite of all drivers."""
    return Implementation("amqp", partial(on_a_broker, url), amqp.kind.unsupported)
