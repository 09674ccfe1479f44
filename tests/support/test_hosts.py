"""Hosts that a test cuts off, and a PostgreSQL server that runs on one of them."""

from __future__ import annotations

import select
import subprocess
import sys

import psycopg
import pytest

from tests.support.hosts import Host, Network, require_hosts
from tests.support.postgres_server import PostgresServer, require_postgres

ECHO = """
import socket, sys
with socket.create_server((sys.argv[1], 7)) as server:
    print("here", flush=True)
    with server.accept()[0] as peer:
        while data := peer.recv(100):
            peer.sendall(data)
"""
CALL = """
import socket, sys
with socket.create_connection((sys.argv[1], 7), 10) as peer:
    for line in sys.stdin:
        peer.sendall(line.encode())
        print(peer.recv(100).decode(), end="", flush=True)
"""


def python(host: Host, program: str, address: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*host.within, sys.executable, "-c", program, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def says(program: subprocess.Popen[str], seconds: float) -> str:
    """The next line of a program; empty if there is none by then."""
    assert program.stdout is not None
    if not select.select([program.stdout], [], [], seconds)[0]:
        return ""
    return program.stdout.readline()


def tell(program: subprocess.Popen[str], line: str) -> None:
    assert program.stdin is not None
    program.stdin.write(line)
    program.stdin.flush()


def test_a_host_that_is_cut_off_is_not_told(network: Network) -> None:
    one, other = network.host(), network.host()
    with python(one, ECHO, one.address) as server:
        assert says(server, 20) == "here\n"
        with python(other, CALL, one.address) as client:
            tell(client, "before\n")
            assert says(client, 20) == "before\n"
            one.cut()
            tell(client, "between\n")
            assert says(client, 0.3) == ""
            assert client.poll() is None
            one.join()
            assert says(client, 20) == "between\n"
            assert client.stdin is not None
            client.stdin.close()


def test_a_removed_network_leaves_nothing() -> None:
    require_hosts()
    network = Network()
    host = network.host()
    network.remove()
    for what in ("netns", "link"):
        left = subprocess.run(["ip", what, "show"], check=True, capture_output=True, text=True)
        assert host.namespace not in left.stdout


def test_a_database_runs_on_a_host(network: Network) -> None:
    require_postgres()
    host = network.host()
    with PostgresServer(host=host.address, within=host.within).running() as server:
        assert server.execute("SELECT 7") == [(7,)]
        host.cut()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url, connect_timeout=2)
        host.join()
        assert server.execute("SELECT 8") == [(8,)]
