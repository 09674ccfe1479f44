"""The driver on a server, with names of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import uuid4

import runtime_nats
from runtime_nats.driver import NatsDriver
from runtime_nats.session import Settings

from runtime.clock import REAL, Clock
from tests.support.driver_conformance.suite import Implementation, Service


def driver(url: str, *, prefix: str = "", lease: float = 2.0, clock: Clock = REAL) -> NatsDriver:
    settings = Settings(url, "app:queues", prefix or uuid4().hex, lease, replicas=1, wait=0.1)
    return NatsDriver(settings, clock=clock)


@asynccontextmanager
async def opened(url: str, clock: Clock) -> AsyncIterator[Service]:
    yield driver(url, clock=clock)


def on(url: str) -> Implementation:
    return Implementation("nats", partial(opened, url), runtime_nats.kind.unsupported)
