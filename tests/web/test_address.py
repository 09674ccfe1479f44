"""Addresses: read, shown, bound, and refused with one clear sentence."""

from __future__ import annotations

import asyncio
import socket

import pytest

from runtime.engines.web.address import Address, listen
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.server import Server
from runtime.service import StartError
from tests.support.serving import (
    PATIENT,
    SOON,
    run,
)


@pytest.mark.parametrize(
    ("text", "host", "port", "url"),
    [
        (":8080", "", 8080, "http://localhost:8080"),
        ("0.0.0.0:80", "0.0.0.0", 80, "http://localhost:80"),
        ("127.0.0.1:0", "127.0.0.1", 0, "http://127.0.0.1:0"),
        ("[::1]:8080", "::1", 8080, "http://[::1]:8080"),
        ("[::]:8080", "::", 8080, "http://localhost:8080"),
    ],
)
def test_an_address_is_read_and_shown(text: str, host: str, port: int, url: str) -> None:
    address = Address.parse(text)

    assert (host, port, url) == (address.host, address.port, address.url("http"))


@pytest.mark.parametrize("text", ["8080", "localhost", ":99999", "::1:80", "a:b", ""])
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address; write"):
        Address.parse(text)


def test_a_taken_port_is_one_clear_sentence() -> None:
    with listen(Address("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        server = Server(Dispatcher(max_body=1), address, timeouts=PATIENT)

        with pytest.raises(StartError, match=f"address '{address}' is in use; stop what"):
            run(server.run(lambda where="": None, asyncio.Event()))


@pytest.mark.parametrize(
    ("host", "reason"),
    [("nowhere.invalid", "not known here"), ("192.0.2.1", "not of this machine")],
)
def test_an_address_of_another_machine_is_one_clear_sentence(host: str, reason: str) -> None:
    with pytest.raises(StartError, match=reason):
        listen(Address(host, 8080))


def test_every_interface_means_both_families() -> None:
    with listen(Address("", 0)) as opened:
        if opened.family != socket.AF_INET6:
            pytest.skip("no IPv6 here")
        port = opened.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=SOON).close()
