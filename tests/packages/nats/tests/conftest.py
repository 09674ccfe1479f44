"""A NATS server for the tests of this package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.nats_server import NatsServer, require_nats


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    """A NATS server of the test module's own, running. It starts in a few milliseconds."""
    require_nats()
    with NatsServer().running() as server:
        yield server
