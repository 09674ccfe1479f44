"""Load: clients that post tasks at a rate, whether the program is up or not."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

from tests.support.blackbox import eventually
from tests.support.program import SOON, Program

CLIENTS = 12
PAUSE = 0.02
"""Seconds between two attempts to connect."""


class Load:
    """Clients in threads. `accepted` maps the ids that were answered with 202 to task numbers.

    Each client keeps to one of the `ports`, and goes to the next one while that one refuses.
    """

    def __init__(
        self,
        rate: float,
        limit: float = float("inf"),
        body: Callable[[int], dict[str, Any]] = lambda n: {"n": n},
        clients: int = CLIENTS,
    ) -> None:
        """Post at most `rate` tasks a second, until `limit` are accepted."""
        self.ports: Sequence[int] = (0,)
        self.accepted: dict[str, int] = {}
        self.accepted_at: dict[str, float] = {}
        """The monotonic time of each 202."""
        self.answers: Counter[int] = Counter()
        self.unanswered = 0
        self.waits: list[float] = []
        """Seconds that each answer took."""
        self.without_retry_after = 0
        """The number of 503s without a Retry-After."""
        self._limit = limit
        self._body = body
        self._every = clients / rate
        self._numbers = itertools.count()
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._client, args=(index,)) for index in range(clients)
        ]

    @property
    def port(self) -> int:
        return self.ports[0]

    @port.setter
    def port(self, port: int) -> None:
        self.ports = (port,)

    @contextmanager
    def running(self) -> Iterator[Load]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self.end()

    def finish(self, within: float) -> None:
        """Wait until `limit` tasks are accepted."""
        assert self._end.wait(within), (
            f"only {len(self.accepted)} tasks were accepted within {within:g} s"
        )

    @property
    def done(self) -> bool:
        return self._end.is_set()

    def end(self) -> None:
        """Stop posting and wait for the answers that are outstanding."""
        self._end.set()
        for thread in self._threads:
            thread.join(2 * SOON)
            assert not thread.is_alive(), "a client got no answer"

    def accepted_after(self, when: float, within: float = SOON) -> float:
        """The seconds from then until the next 202, which is waited for."""

        def later() -> list[float]:
            with self._lock:
                return [at for at in self.accepted_at.values() if at >= when]

        return min(eventually(later, within)) - when

    def pause(self, seconds: float) -> bool:
        """Keep posting for so many seconds; True as soon as all tasks are accepted."""
        return self._end.wait(seconds)

    def _client(self, index: int) -> None:
        connection, port, due = None, 0, monotonic()
        ports, skipped = self.ports, 0
        number = next(self._numbers)
        while not self._end.wait(max(0.0, due - monotonic())):
            due = max(due + self._every, monotonic() - self._every)
            if ports is not self.ports:
                ports, skipped = self.ports, 0
            wanted = ports[(index + skipped) % len(ports)]
            if connection is not None and port != wanted:
                connection.close()
                connection = None
            if connection is None:
                port = wanted
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
            try:
                self._post(connection, number)
            except ConnectionRefusedError:
                connection = None  # no program saw this task: post it again
                skipped += 1
                self._end.wait(PAUSE)
                continue
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = None
                self.unanswered += 1
            number = next(self._numbers)
        if connection is not None:
            connection.close()

    def _post(self, connection: http.client.HTTPConnection, number: int) -> None:
        began = monotonic()
        connection.request("POST", "/", json.dumps(self._body(number)))
        response = connection.getresponse()
        answer = response.read()
        with self._lock:
            self.waits.append(monotonic() - began)
            self.answers[response.status] += 1
            if response.status == 503 and not response.headers["Retry-After"]:
                self.without_retry_after += 1
            if response.status == 202:
                id = json.loads(answer)["id"]
                self.accepted[id] = number
                self.accepted_at[id] = monotonic()
                if len(self.accepted) >= self._limit:
                    self._end.set()


def post(port: int, **body: Any) -> str | None:
    """Post one task. Returns its id, or None if it was not accepted."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
    try:
        connection.request("POST", "/", json.dumps(body))
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return str(json.loads(answer)["id"]) if response.status == 202 else None


def served(program: Program) -> int | None:
    """The port of a program once it listens; None if it ended before that."""
    try:
        return program.port
    except AssertionError:
        program.wait()
        return None
