"""The driver for NATS, put through the suite of all drivers."""

from __future__ import annotations

import asyncio

import pytest
import runtime_nats

from tests.packages.nats.tests.drivers import on
from tests.support.driver_conformance import Case, cases, check
from tests.support.implementations import IMPLEMENTATIONS
from tests.support.nats_server import NatsServer

CASES = cases(runtime_nats.kind.unsupported)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_driver(server: NatsServer, case: Case) -> None:
    asyncio.run(check(on(server.url), IMPLEMENTATIONS["memory"], case))
