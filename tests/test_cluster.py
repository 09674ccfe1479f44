"""The deployment of examples/cluster: hosts are network namespaces, and PostgreSQL is real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.blackbox import eventually
from tests.support.cluster import Deployment, Replica
from tests.support.hosts import Host, Network
from tests.support.order_clients import OrderClients, ask
from tests.support.postgres_server import PostgresServer

pytestmark = pytest.mark.slow

PROBES = 9464
TOKEN = "the token of this test"
MOST_CONNECTIONS = 13
"""Of one replica: the pool, three lanes, the keeper and notifications (docs/postgresql.md)."""


class Cluster:
    """The replicas that run, by name; all end with the test."""

    def __init__(self, deployment: Deployment, stack: ExitStack) -> None:
        self._deployment = deployment
        self._stack = stack

    def start(self, service: str, host: Host) -> Replica:
        replica = self._deployment.start(service, host)
        self._stack.callback(replica.program.kill)
        return replica

    def replace(self, replica: Replica) -> Replica:
        """Drain a replica, and start the next one on its host."""
        assert replica.program.stop() == 0, replica.program.stderr
        successor = self.start(replica.service, replica.host)
        successor.wait_until_ready()
        return successor


@pytest.fixture
def cluster(tmp_path: Path, postgres_host: PostgresServer) -> Iterator[Cluster]:
    url = f"{postgres_host.url}?sslmode=disable"
    with ExitStack() as stack:
        yield Cluster(Deployment(tmp_path, database_url=url, management_token=TOKEN), stack)


def packed(postgres_host: PostgresServer) -> dict[str, tuple[int, str]]:
    """The attempt and the worker of each order, by its id."""
    rows = postgres_host.execute("SELECT id, attempt, packed_by FROM packed")
    return {str(id): (int(str(attempt)), str(worker)) for id, attempt, worker in rows}


def count(postgres_host: PostgresServer) -> int:
    return int(str(postgres_host.execute("SELECT count(*) FROM packed")[0][0]))


def connections(postgres_host: PostgresServer) -> dict[str, int]:
    """The number of connections from each host."""
    rows = postgres_host.execute(
        "SELECT host(client_addr), count(*) FROM pg_stat_activity "
        "WHERE application_name = 'app:db' GROUP BY 1"
    )
    return {str(host): int(str(number)) for host, number in rows}


def test_replicas_that_start_together_migrate_one_after_another_and_are_healthy(
    network: Network, cluster: Cluster
) -> None:
    services = ["web", "web", "worker", "worker"]
    replicas = [cluster.start(service, network.host()) for service in services]

    for replica in replicas:
        replica.wait_until_ready()
        assert replica.is_healthy()
        assert ask(replica.host.address, "GET", "/livez", port=PROBES) == b"ok\n"


def test_what_web_accepts_on_one_host_workers_do_on_two_others(
    network: Network, cluster: Cluster, postgres_host: PostgresServer
) -> None:
    web, *workers = [cluster.start(it, network.host()) for it in ("web", "worker", "worker")]
    for replica in (web, *workers):
        replica.wait_until_ready()
    names = {worker.name for worker in workers}
    with OrderClients([web.host.address]) as clients:
        eventually(
            lambda: {worker for _, worker in packed(postgres_host).values()} == names, within=20
        )
    eventually(lambda: count(postgres_host) >= len(clients.accepted), within=60)

    assert clients.failures == []
    assert packed(postgres_host).keys() == clients.accepted
    listed = json.loads(ask(web.host.address, "GET", "/orders"))
    assert {order["id"] for order in listed} == set(sorted(clients.accepted)[:100])


def test_a_rolling_restart_under_load_loses_no_order_and_spends_no_attempt(
    network: Network, cluster: Cluster, postgres_host: PostgresServer
) -> None:
    webs = [cluster.start("web", network.host()) for _ in range(2)]
    workers = [cluster.start("worker", network.host()) for _ in range(2)]
    for replica in (*webs, *workers):
        replica.wait_until_ready()
    addresses = [web.host.address for web in webs]

    with OrderClients(list(addresses)) as clients:
        clients.wait_for_more(50)
        used = connections(postgres_host)
        assert used.keys() == {replica.host.address for replica in (*webs, *workers)}
        assert max(used.values()) <= MOST_CONNECTIONS
        for web in webs:
            # the Service forgets a replica during its preStop, and asks the next when it is ready
            clients.rotation[:] = [it for it in addresses if it != web.host.address]
            assert cluster.replace(web).is_healthy()
            clients.rotation[:] = addresses
            clients.wait_for_more(50)
        for worker in workers:
            cluster.replace(worker)
            clients.wait_for_more(50)

    assert clients.failures == []
    eventually(lambda: count(postgres_host) >= len(clients.accepted), within=60)
    assert packed(postgres_host).keys() == clients.accepted
    assert {attempt for attempt, _ in packed(postgres_host).values()} == {1}


def test_a_replica_is_not_ready_while_the_database_is_away_and_ready_when_it_is_back(
    network: Network, cluster: Cluster, postgres_host: PostgresServer
) -> None:
    web = cluster.start("web", network.host())
    web.wait_until_ready()
    postgres_host.stop()
    eventually(lambda: not web.is_healthy(), within=20)

    assert ask(web.host.address, "GET", "/livez", port=PROBES) == b"ok\n"
    assert not web.program.ended
    postgres_host.start()
    eventually(web.is_healthy, within=20)
