"""Tracing: the cost of a task's spans, of which one in a hundred is kept, beside no telemetry."""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from benchmarks.curve import Curve
from benchmarks.micro.dispatch import HEADERS, MESSAGE
from benchmarks.service import run, serving
from runtime.backoff import Backoff
from runtime.engines.management.traces.settings import MOST_SAMPLED, SAMPLE, SLOW
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.engines.queue.queue import Queue
from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.tracing import database
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route, Routes
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handler
from runtime.handlers.invocation import Invocation
from runtime.handlers.threads import ThreadPool
from runtime.telemetry import OFF, Root, Span, Telemetry

TABLE = "CREATE TABLE tasks (action TEXT, text TEXT)"
INSERT = "INSERT INTO tasks VALUES (?, ?)"
CLIENTS = 16


class Last:
    """Keeps the last trace, as a sink that costs nothing."""

    kept = 0

    def keep(self, trace: Root) -> None:
        self.kept += 1
        trace.spans.clear()

    def add(self, trace: Root, span: Span) -> None: ...


class Tasks:
    """POSTs that publish a message, whose consumer adds a row: all but the sockets."""

    def __init__(self, telemetry: Telemetry, folder: Path) -> None:
        settings = Settings(
            file=str(folder / f"{id(self)}.db"),
            label="tasks.db",
            name="app:db",
            pragmas={"synchronous": "NORMAL"},
            busy_timeout=5.0,
            file_mode=0o600,
        )
        self.database = database(settings, 30.0, telemetry)
        retry = Backoff(initial_delay=1, max_delay=1, jitter=0)
        driver_queue = MemoryQueue("q", 1_000_000)
        self.queue = Queue(
            "app:q", driver_queue, retry, max_attempts=10, max_requeues=3, telemetry=telemetry
        )
        self.consumer = Consumer(
            self.queue, _Function(self._work, telemetry), concurrency=2, prefetch=10,
            telemetry=telemetry,
        )  # fmt: skip
        self.dispatcher = Dispatcher(max_body=1 << 20, telemetry=telemetry)
        call = _Function(self._create, telemetry).call
        route = Route(
            method="POST", path="/tasks", name="app:create",
            handler=lambda exchange: call(exchange, exchange),
        )  # fmt: skip
        self.dispatcher.serve(Routes([route]))
        self.left = 0
        self.done = asyncio.Event()

    async def cost(self, count: int) -> float:
        """Microseconds of processor a task, from the request to the row."""
        self.left = count
        self.done.clear()
        began = process_time()
        await asyncio.gather(*(self._post(count // CLIENTS) for _ in range(CLIENTS)))
        await self.done.wait()
        return (process_time() - began) / count * 1e6

    async def _post(self, count: int) -> None:
        for _ in range(count):
            # a server runs each request in a task with a context of its own
            await asyncio.create_task(self.dispatcher(_scope(), _receive, _send))

    async def _create(self, exchange: Exchange) -> Any:
        task = await exchange.request.json()
        exchange.response.set_status(202)
        return {"id": await self.queue.publish(task)}

    async def _work(self, task: Any) -> None:
        await self.database.execute(INSERT, (task["action"], task["data"]["text"]))
        self.left -= 1
        if not self.left:
            self.done.set()


class _Function:
    blocking = False
    takes_argument = True

    def __init__(self, handle: Any, telemetry: Telemetry) -> None:
        self.id = EntryId("app", "work")
        handler = Handler(handle, ThreadPool(1).submit)
        self.call = Invocation(self.id, ApplicationContext(), handler, telemetry).call_apart


def measure(quick: bool) -> Iterator[Curve]:
    count, rounds = (1_600, 7) if quick else (3_200, 15)
    threshold = gc.get_threshold()
    gc.set_threshold(10_000)  # as the runtime does
    try:
        with tempfile.TemporaryDirectory() as folder:
            costs = run(_costs(Path(folder), count, rounds))
    finally:
        gc.set_threshold(*threshold)
    more = {
        name: median(a - b for a, b in zip(each, costs["off"], strict=True))
        for name, each in costs.items()
    }
    ratios = {
        name: median(a / b for a, b in zip(each, costs["off"], strict=True))
        for name, each in costs.items()
    }
    yield Curve(
        "tracing",
        "Tracing: CPU µs a task, from the request to the row, without a server",
        ["traces", "a task", "over none", "ratio"],
        [[name, median(each), more[name], ratios[name]] for name, each in costs.items()],
        {"more": more["1 in 100"]},
        "alternating in one run; difference and ratio are medians of those of each round",
    )


async def _costs(folder: Path, count: int, rounds: int) -> dict[str, list[float]]:
    choices = {
        "off": OFF,
        "1 in 100": Telemetry(sink=Last()),
        "all": Telemetry(sink=Last()),
    }
    choices["1 in 100"].keep_also(SAMPLE, SLOW, True, MOST_SAMPLED)  # as `runtime run` has it
    costs: dict[str, list[float]] = {name: [] for name in choices}
    async with AsyncExitStack() as stack:
        programs = {name: Tasks(telemetry, folder) for name, telemetry in choices.items()}
        for program in programs.values():
            await stack.enter_async_context(serving(program.database))
            await program.database.execute(TABLE)
            await stack.enter_async_context(serving(program.consumer))
        gc.collect()
        for round in range(rounds):
            for name in [*programs][:: 1 if round % 2 else -1]:
                costs[name].append(await programs[name].cost(count))
    return costs


def _scope() -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/tasks",
        "raw_path": b"/tasks",
        "query_string": b"",
        "headers": HEADERS,
    }


async def _receive() -> dict[str, Any]:
    return MESSAGE


async def _send(message: dict[str, Any]) -> None:
    pass
