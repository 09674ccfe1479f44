"""Real servers as fixtures. A machine without one skips its tests; CI fails them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.support import postgres_stores
from tests.support.hosts import Network, require_hosts
from tests.support.postgres_schema import PostgresSchema, new_schema, shared_postgres
from tests.support.postgres_server import PostgresServer, require_postgres
from tests.support.rabbitmq_server import RabbitMQServer, require_rabbitmq
from tests.support.rabbitmq_vhost import RabbitMQVhost, new_vhost, shared_rabbitmq
from tests.support.shared_server import Address

# Programs that tests start must not wait for one port; those that are about management name one.
os.environ["RUNTIME_MANAGEMENT"] = "off"


def _stay(number: int, frame: FrameType | None) -> None:
    """As ignored, but a program that this one starts does not inherit it."""


# Whoever runs the tests by `nohup`, or in the background of a shell, ignores these.
for _each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    if signal.getsignal(_each) is signal.SIG_IGN:
        signal.signal(_each, _stay)

SERVERS = {
    *("network", "postgres_address", "postgres_host", "postgres_server"),
    *("rabbitmq_address", "rabbitmq_of_module"),
}
"""Fixtures that start programs other than ours."""


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that needs a real server is a slow one."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if not fixtures.isdisjoint(SERVERS) or _names_postgres(item):
            item.add_marker(pytest.mark.slow)


def _names_postgres(item: pytest.Item) -> bool:
    """True for a case of a suite that is run on PostgreSQL too."""
    callspec = getattr(item, "callspec", None)
    names = callspec.params.values() if callspec else ()
    return any(isinstance(name, str) and name.endswith("postgres") for name in names)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def postgres_address(run_folder: Path) -> Iterator[Address]:
    with shared_postgres(run_folder) as address, postgres_stores.using(address.port):
        yield address


@pytest.fixture(autouse=True)
def server_of_parameter(request: pytest.FixtureRequest) -> None:
    """The server for a case of a suite that is run on PostgreSQL too."""
    if _names_postgres(request.node):
        request.getfixturevalue("postgres_address")


@pytest.fixture
def postgres(postgres_address: Address) -> Iterator[PostgresSchema]:
    """An empty schema on the PostgreSQL server of this test run."""
    with new_schema(postgres_address.port) as schema:
        yield schema


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the test's own, running, to be killed or promoted."""
    require_postgres()
    with PostgresServer().running() as server:
        yield server


@pytest.fixture
def network() -> Iterator[Network]:
    """Hosts of the test's own: network namespaces."""
    require_hosts()
    network = Network()
    yield network
    network.remove()


@pytest.fixture
def postgres_host(network: Network) -> Iterator[PostgresServer]:
    """A PostgreSQL server on a host of its own in that network, running."""
    require_postgres()
    host = network.host()
    with PostgresServer(host=host.address, within=host.within).running() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_address(run_folder: Path) -> Iterator[Address]:
    with shared_rabbitmq(run_folder) as address:
        yield address


@pytest.fixture
def rabbitmq(rabbitmq_address: Address) -> Iterator[RabbitMQVhost]:
    """An empty virtual host on the RabbitMQ server of this test run."""
    with new_vhost(rabbitmq_address) as vhost:
        yield vhost


@pytest.fixture(scope="module")
def rabbitmq_of_module() -> Iterator[RabbitMQServer]:
    require_rabbitmq()
    with RabbitMQServer().running() as server:
        yield server


@pytest.fixture
def rabbitmq_server(rabbitmq_of_module: RabbitMQServer) -> RabbitMQServer:
    """A RabbitMQ server of the test module's own, running, to be killed or alarmed.

    A start takes 5 s, so its queues stay from test to test: each has names of its own.
    """
    if not rabbitmq_of_module.process.running:
        rabbitmq_of_module.start()
    return rabbitmq_of_module
