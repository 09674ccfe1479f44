"""Pace: clients that post at a steady rate, however slow the server, and reconnect at times."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from time import monotonic

CLIENTS = 16
REQUESTS = 50
"""Requests on a connection before a client opens a new one."""
LIMIT = 10.0
"""Seconds after which a request has failed."""


@dataclass(slots=True)
class Pace:
    """Posts `rate` tasks a second; every `fail_every`-th makes its handler fail."""

    port: int
    rate: int
    fail_every: int = 20
    latencies: list[float] = field(default_factory=list)
    """Seconds from the time a request was due to its answer, since the last `take`."""
    accepted: int = 0
    errors: int = 0

    async def run(self) -> None:
        """Post until cancelled."""
        began, numbers = monotonic(), count()
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._client(began, numbers))

    def take(self) -> list[float]:
        """Return the latencies since the last call, sorted."""
        taken, self.latencies = sorted(self.latencies), []
        return taken

    async def _client(self, began: float, numbers: Iterator[int]) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.errors += 1
                await asyncio.sleep(0.1)
                continue
            for _ in range(REQUESTS):
                number = next(numbers)
                due = began + number / self.rate
                await asyncio.sleep(max(0.0, due - monotonic()))
                writer.write(self._request(number))
                try:
                    async with asyncio.timeout(LIMIT):
                        status = await _answer(reader)
                except (OSError, EOFError, TimeoutError):
                    status = 0
                self.latencies.append(monotonic() - due)
                if status == 202:
                    self.accepted += 1
                else:
                    self.errors += 1
                if not status:
                    break
            writer.close()

    def _request(self, number: int) -> bytes:
        if number % self.fail_every:
            task = {"action": "uppercase", "data": {"text": f"the quick brown fox {number}"}}
        else:
            task = {"action": "sum", "data": {"numbers": ["one"]}}
        body = json.dumps(task).encode()
        head = f"POST /tasks HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> int:
    """The status of one answer, read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = head.partition("content-length: ")[2].partition("\r\n")[0]
    await reader.readexactly(int(length))
    return int(head.split(" ", 2)[1])
