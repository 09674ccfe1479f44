"""A virtual host of its own for one test, on the RabbitMQ server that all tests share."""

from __future__ import annotations

import base64
import json
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pika

from tests.support.rabbitmq_server import RabbitMQServer, require_rabbitmq, url
from tests.support.server import LOOPBACK
from tests.support.shared_server import Address, shared

SOON = 20.0


class RabbitMQVhost:
    """Its queues, exchanges and connections are its own; guest may do everything there."""

    def __init__(self, address: Address, name: str) -> None:
        self.host = LOOPBACK
        self.port = address.port
        self.name = name
        self._admin = f"http://{LOOPBACK}:{address.admin_port}/api"

    @property
    def url(self) -> str:
        return url(self.port, vhost=self.name)

    def connect(self) -> pika.BlockingConnection:
        return pika.BlockingConnection(pika.URLParameters(self.url))

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask RabbitMQ's management, whose figures are up to 5 s old: `GET /queues/{vhost}`."""
        request = urllib.request.Request(
            f"{self._admin}{path.format(vhost=self.name)}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Basic {base64.b64encode(b'guest:guest').decode()}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=SOON) as response:
            answer = response.read()
        return json.loads(answer) if answer else None


@contextmanager
def shared_rabbitmq(place: Path) -> Iterator[Address]:
    """The server of this test run, by its address."""
    require_rabbitmq()
    with shared(place, "rabbitmq", _start) as address:
        yield address


def _start(lease: Path) -> Address:
    server = RabbitMQServer(lease=lease, management=True)
    server.initialize()
    server.start()
    server.detach()
    return Address(str(server.folder), server.port, server.admin_port)


@contextmanager
def new_vhost(address: Address) -> Iterator[RabbitMQVhost]:
    """Make a virtual host, and delete it with all that a test has left there."""
    vhost = RabbitMQVhost(address, f"test-{uuid.uuid4().hex[:12]}")
    vhost.api("PUT", "/vhosts/{vhost}")
    yield vhost
    vhost.api("DELETE", "/vhosts/{vhost}")
