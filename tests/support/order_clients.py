"""Clients of examples/cluster that post orders without a pause, while replicas come and go."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from itertools import count

from tests.support.program import SOON

PORT = 8080


def ask(address: str, method: str, path: str, body: object = None, port: int = PORT) -> bytes:
    """One request on a connection of its own; the body of its answer. Raises for a refusal."""
    connection = http.client.HTTPConnection(address, port, timeout=SOON)
    with contextlib.closing(connection):
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status < 300, (answer.status, text)
        return text


class OrderClients:
    """`rotation` has the addresses that a balancer would send them to, and changes under them."""

    def __init__(self, rotation: list[str], clients: int = 4) -> None:
        self.rotation = rotation
        self.accepted: set[str] = set()
        """The ids of all orders that were answered 202."""
        self.failures: list[str] = []
        """Whatever else happened to a request that had reached a replica."""
        self._numbers = count()
        self._stop = threading.Event()
        self._news = threading.Condition()
        self._threads = [threading.Thread(target=self._post_all) for _ in range(clients)]

    def __enter__(self) -> OrderClients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, orders: int) -> None:
        """Return when so many more orders have been accepted."""
        with self._news:
            wanted = len(self.accepted) + orders
            enough = self._news.wait_for(
                lambda: self.failures or len(self.accepted) >= wanted, SOON
            )
        assert self.failures == []
        assert enough

    def _post_all(self) -> None:
        while not self._stop.is_set():
            self._post(next(self._numbers))

    def _post(self, number: int) -> None:
        id = f"order-{number:06d}"
        address = self.rotation[number % len(self.rotation)]
        try:
            ask(address, "POST", "/orders", {"id": id, "item": "tea"})
        except ConnectionRefusedError:
            return  # it left the rotation a moment ago; nothing was sent
        except (OSError, http.client.HTTPException, AssertionError) as error:
            with self._news:
                self.failures.append(repr(error))
                self._news.notify_all()
            return
        with self._news:
            self.accepted.add(id)
            self._news.notify_all()
