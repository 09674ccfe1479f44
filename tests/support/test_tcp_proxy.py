"""A proxy that passes on, waits, holds back and breaks off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.tcp_proxy import TcpProxy

SOON = 20


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    """In front of a server that says back what it hears."""

    def serve(peer: socket.socket) -> None:
        with peer:
            try:
                while data := peer.recv(1 << 16):
                    peer.sendall(data)
            except ConnectionError:
                pass

    def accept() -> None:
        while True:
            try:
                threading.Thread(target=serve, args=[server.accept()[0]]).start()
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        proxy = TcpProxy(server.getsockname()[1])
        yield proxy
        proxy.close()
        server.shutdown(socket.SHUT_RDWR)
        acceptor.join()


def connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), SOON)


def echo(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return client.recv(100)


def test_it_passes_on(proxy: TcpProxy) -> None:
    with connect(proxy) as client:
        assert echo(client, b"hello") == b"hello"
        client.sendall(b"x" * 1_000_000)
        client.shutdown(socket.SHUT_WR)
        got = 0
        while data := client.recv(1 << 16):
            got += len(data)
        assert got == 1_000_000


def test_it_delays_each_way(proxy: TcpProxy) -> None:
    proxy.delay = 0.05
    with connect(proxy) as client:
        began = time.monotonic()
        assert echo(client, b"hello") == b"hello"
        assert time.monotonic() - began >= 0.1


def test_it_holds_back_until_it_releases(proxy: TcpProxy) -> None:
    with connect(proxy) as client:
        assert echo(client, b"before") == b"before"
        proxy.hold()
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            echo(client, b"between")
        with connect(proxy) as late:
            late.sendall(b"late")
            proxy.release()
            client.settimeout(SOON)
            assert client.recv(100) == b"between"
            assert late.recv(100) == b"late"


def test_it_resets_all_connections(proxy: TcpProxy) -> None:
    with connect(proxy) as client, connect(proxy) as other:
        for each in (client, other):
            assert echo(each, b"hello") == b"hello"
        proxy.reset()
        for each in (client, other):
            with pytest.raises(ConnectionResetError):
                each.recv(100)
        with connect(proxy) as later:
            assert echo(later, b"again") == b"again"
