"""Operating: those who look at the program: Prometheus, the dashboard, and somebody on duty."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import cycle

from benchmarks.soak.client import LIMIT, Client, Lost
from benchmarks.soak.ledger import Ledger

TOKEN = "soaking"
BETWEEN = 5.0
"""Seconds from one look to the next."""
SOON = 20.0
LONGEST_RELOAD = 60.0
PAGES = ("/", "/queues", "/dead", "/services", "/traces", "/errors", "/entries", "/schedules")
HEADERS = f"Authorization: Bearer {TOKEN}\r\n"


class Management:
    """The management address of the program."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def ready(self) -> None:
        """Wait until it listens and the program is ready. Raises Lost after `SOON`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SOON):
                while True:
                    with suppress(Lost):
                        if (await self.look("/readyz"))[0] == 200:
                            return
                    await asyncio.sleep(0.1)
        raise Lost("the program is not ready")

    async def look(self, path: str) -> tuple[int, bytes]:
        return await self._ask("GET", path)

    async def act(self, path: str, **arguments: object) -> tuple[int, bytes]:
        return await self._ask("POST", path, json.dumps(arguments).encode())

    async def operate(self, name: str, **arguments: object) -> object:
        """The result of an operation. Raises Lost if there is none."""
        status, answer = await self.act(f"/api/operations/{name}", **arguments)
        if status != 200:
            raise Lost(f"{name}: {status} {answer[:200]!r}")
        return json.loads(answer)["result"]

    async def watch(self, ledger: Ledger) -> None:
        """Have the dashboard open, as a page that is looked at."""
        while True:
            try:
                client = await Client.connect(self._port)
                async for _ in client.events("/events", HEADERS):
                    pass
                ledger.fail("the dashboard's events ended")
            except Lost as error:
                ledger.fail(f"the dashboard's events: {error}")
            await asyncio.sleep(1)

    async def reload(self) -> tuple[int, bytes]:
        """Have it reload. What is replaced waits for calls that use it, and so for slow clients."""
        return await self._ask("POST", "/api/reload", seconds=LONGEST_RELOAD)

    async def _ask(
        self, method: str, path: str, body: bytes = b"", seconds: float = LIMIT
    ) -> tuple[int, bytes]:
        client = await Client.connect(self._port)
        try:
            headers = f"{HEADERS}Connection: close\r\n"
            return await client.ask(method, path, body, headers, seconds)
        finally:
            client.close()


async def operate(management: Management, ledger: Ledger) -> None:
    """Ask for metrics and states, open pages, and see to dead letters, until cancelled."""
    for page in cycle(PAGES):
        await asyncio.sleep(BETWEEN)
        try:
            for path in ("/metrics", "/api/status", "/readyz", page):
                status, answer = await management.look(path)
                if status != 200:
                    ledger.fail(f"GET {path}: {status} {answer[:200]!r}")
            await see_to_letters(management, ledger)
        except Lost as error:
            ledger.fail(f"management: {error}")


async def see_to_letters(management: Management, ledger: Ledger) -> None:
    """Drop the dead letters of tasks that never work, and requeue the others."""
    letters = await management.operate("dead.letters", queue="app:tasks", limit=200)
    never = [letter["id"] for letter in letters if letter["error"].startswith("ValueError")]
    late = [letter["id"] for letter in letters if letter["id"] not in set(never)]
    if never:
        await management.operate("dead.drop", queue="app:tasks", ids=never)
        for id in never:
            if ledger.doomed.pop(id, None) is None:
                ledger.fail("a letter was dropped that is none, or twice")
        ledger.dropped += len(never)
    if late:
        await management.operate("dead.requeue", queue="app:tasks", ids=late)
        ledger.requeued += len(late)
