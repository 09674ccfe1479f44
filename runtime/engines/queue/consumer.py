"""Consumer: hands the messages of a queue to a function, some at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from runtime.engines.queue.deadline import Deadlines
from runtime.engines.queue.driver_queue import Subscription
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.settlement import Settlement
from runtime.engines.queue.worker import SHORTEST_TURN, TURN, Function, Worker
from runtime.engines.sql.contract import Transactions
from runtime.service import Ready

log = logging.getLogger("runtime.queue")

FAREWELL = 0.3
"""Seconds that cancelled handlers get to clean up, before their messages go back."""
GIVING_BACK = 0.15
"""Seconds to give them back: together they stay below the half second a service has."""


class Consumer:
    """A service: `concurrency` workers on one queue. May be run again after it ended."""

    def __init__(
        self,
        queue: Queue,
        function: Function,
        *,
        concurrency: int = 1,
        prefetch: int = 10,
        timeout: float | None = None,
        transactions: Transactions | None = None,
    ) -> None:
        """With `transactions`, each message gets one, which is committed together with its ack."""
        self._queue = queue
        self._function = function
        self._concurrency = concurrency
        # A crash spends the attempt of what was claimed ahead too, and it may be the only one.
        self._prefetch = prefetch if queue.max_attempts > 1 else 0
        self._timeout = timeout
        self._transactions = transactions

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Work until `stop`, then finish what is in hand.

        If cancelled, handlers are cancelled too and their messages given back, without spending
        the attempt; a handler that ignores it is left to itself. An error that is no handler's
        ends the run in the same way, and is raised.
        """
        if stop.is_set():
            return ready()
        subscription = self._queue.line.subscribe(self._prefetch)
        crew: list[Worker] = []
        deadlines = Deadlines(self._timeout, crew) if self._timeout is not None else None
        settlement = Settlement(self._queue, subscription, str(self._function.id))
        turn = max(SHORTEST_TURN, TURN // self._concurrency)
        crew += [
            Worker(self._function, settlement, deadlines, turn, self._transactions)
            for _ in range(self._concurrency)
        ]
        tasks = [_start(worker, f"{self._function.id}#{n}") for n, worker in enumerate(crew)]
        try:
            ready()
            await _until(stop, tasks)
            await subscription.close()
            await _all(tasks)
        except BaseException:
            await self._dismiss(crew, subscription)
            raise
        finally:
            if deadlines is not None:
                deadlines.close()

    async def _dismiss(self, crew: Sequence[Worker], subscription: Subscription) -> None:
        """End what runs, within half a second, and give back what is in hand."""
        running = [worker for worker in crew if worker.task is not None and not worker.task.done()]
        for worker in running:
            worker.dismiss()
        tasks = [worker.task for worker in running if worker.task is not None]
        if tasks:
            _, tasks_left = await asyncio.wait(tasks, timeout=FAREWELL)
            if tasks_left:
                text = "%s: %d handlers ignore that they are cancelled; they are left behind"
                log.warning(text, self._function.id, len(tasks_left))
        try:
            async with asyncio.timeout(GIVING_BACK):
                await self._give_back(crew, subscription)
        except Exception:
            # A driver that failed cannot take them; the reason for the end matters more.
            log.exception("%s: messages in hand could not be given back", self._function.id)

    async def _give_back(self, crew: Sequence[Worker], subscription: Subscription) -> None:
        await subscription.close()
        held = []
        for worker in crew:
            if worker.delivery is not None and not worker.delivery.settled:
                worker.delivery.settled = True  # whatever it still does is too late
                held.append(worker.delivery.received)
        if held:
            await subscription.release(held)
            log.warning("%s: given back unfinished: %d", self._function.id, len(held))


def _start(worker: Worker, name: str) -> asyncio.Task[None]:
    worker.task = asyncio.create_task(worker.run(), name=name)
    worker.task.add_done_callback(_seen)
    return worker.task


def _seen(task: asyncio.Task[None]) -> None:
    """Of several workers that fail at once, one is raised: the loop is not to report the others."""
    if not task.cancelled():
        task.exception()


async def _until(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for `stop`, or raise the error that a worker ended with before."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    for task in tasks:
        if task.done():
            task.result()


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for all to end, or raise the first error of one."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        if task.done():
            task.result()
