"""Posting: tasks and questions at a steady rate, on connections that are kept and that are not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from time import monotonic

from benchmarks.soak.client import Client, Lost
from benchmarks.soak.ledger import Ledger

CLIENTS = 8
REQUESTS = 200
"""Requests on a connection before a client opens a new one."""
ALONE = 10
"""One request in so many has a connection of its own."""
FAILING = 50
"""One task in so many fails until it is dead."""
QUESTIONS = ("/newest", "/version", "/archived", "/square/7")


async def post(port: int, rate: int, ledger: Ledger) -> None:
    """Post `rate` tasks a second, and ask a question after each fourth, until cancelled."""
    began, numbers = monotonic(), count(1)
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(_post(port, rate, ledger, began, numbers))


async def _post(port: int, rate: int, ledger: Ledger, began: float, numbers: Iterator[int]) -> None:
    client, left = None, 0
    while True:
        number = next(numbers)
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - monotonic()))
        ledger.lags.append(monotonic() - due)
        alone = number % ALONE == 0
        try:
            if client is None or not left:
                if client is not None:
                    client.close()
                client, left = await Client.connect(port), REQUESTS
            if alone:
                with_own = await Client.connect(port)
                await _task(with_own, number, due, ledger, "Connection: close\r\n")
                with_own.close()
            else:
                left -= 1
                await _task(client, number, due, ledger)
            if number % 4 == 0:
                await _question(client, QUESTIONS[number // 4 % len(QUESTIONS)], ledger)
        except Lost as error:
            ledger.fail(f"request: {error}")
            if client is not None:
                client.close()
            client = None
            await asyncio.sleep(0.1)


def kind(number: int) -> str:
    """Half of the failing tasks never work, half of them once they are requeued."""
    if number % FAILING:
        return "plain"
    return "never" if number % (2 * FAILING) else "late"


async def _task(client: Client, number: int, due: float, ledger: Ledger, headers: str = "") -> None:
    body = json.dumps({"number": number, "kind": kind(number)}).encode()
    status, answer = await client.ask("POST", "/tasks", body, headers)
    ledger.latencies.append(monotonic() - due)
    ledger.requests += 1
    if status == 202:
        ledger.accept(number, kind(number), answer)
    else:
        ledger.fail(f"POST /tasks: {status} {answer[:200]!r}")


async def _question(client: Client, path: str, ledger: Ledger) -> None:
    asked = monotonic()
    status, answer = await client.ask("GET", path)
    ledger.latencies.append(monotonic() - asked)
    ledger.requests += 1
    if status != 200:
        ledger.fail(f"GET {path}: {status} {answer[:200]!r}")
