"""Consumer: calls a function with the messages of a queue, several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from runtime.clock import REAL, Clock
from runtime.engines.queue.deadline import Deadlines
from runtime.engines.queue.driver_queue import Subscription
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.settlement import Settlement
from runtime.engines.queue.worker import SHORTEST_TURN, TURN, Worker
from runtime.engines.sql.contract import Transactions
from runtime.handlers.function import Function
from runtime.loggers import logger
from runtime.service import Ready
from runtime.telemetry import OFF, Telemetry

log = logger("runtime.queue")

CANCEL_TIMEOUT = 0.3
"""Seconds that cancelled handlers get to clean up, before their messages are released."""
STOP_TIMEOUT = 0.45
"""Seconds for both together, below the half second that a service has. What the handlers do not
need is left for the release, which may wait for a slow disk.
"""


class Consumer:
    """A service: `concurrency` workers on one queue. May be run again after it ended."""

    def __init__(
        self,
        queue: Queue,
        function: Function,
        *,
        concurrency: int,
        prefetch: int,
        timeout: float | None = None,
        transactions: Transactions | None = None,
        clock: Clock = REAL,
        telemetry: Telemetry = OFF,
        redact: Callable[[str], str] = str,
    ) -> None:
        """`timeout` in seconds, for each call; with `transactions`, each message gets one, which is
        committed together with its ack. `redact` takes secrets out of dead letters.
        """
        self._queue = queue
        self._function = function
        self._concurrency = concurrency
        # A crash spends an attempt of the messages claimed ahead too, and it may be the only one.
        self._prefetch = prefetch if queue.max_attempts > 1 else 0
        self._timeout = timeout
        self._transactions = transactions
        self._clock = clock
        self._telemetry = telemetry
        self._redact = redact

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Work until `stop`, then wait for the running handlers.

        If this is cancelled, the handlers are cancelled too and their messages released, without
        spending the attempt; a handler that ignores its cancellation is left running. An error that
        is not a handler's ends the run in the same way, and is raised.
        """
        if stop.is_set():
            return ready()
        subscription = self._queue.driver_queue.subscribe(self._prefetch)
        workers: list[Worker] = []
        deadlines = (
            Deadlines(self._timeout, workers, self._clock) if self._timeout is not None else None
        )
        settlement = Settlement(
            self._queue,
            subscription,
            str(self._function.id),
            self._clock.time,
            self._telemetry,
            self._redact,
        )
        turn = max(SHORTEST_TURN, TURN // self._concurrency)
        workers += [
            Worker(self._function, settlement, deadlines, turn, self._transactions, self._telemetry)
            for _ in range(self._concurrency)
        ]
        tasks = [_start(worker, f"{self._function.id}#{n}") for n, worker in enumerate(workers)]
        self._queue.consumers += 1
        try:
            ready()
            await _wait_for_stop(stop, tasks)
            await subscription.close()
            await _wait_for_all(tasks)
        except BaseException:
            await self._cancel(workers, subscription)
            raise
        finally:
            self._queue.consumers -= 1
            if deadlines is not None:
                deadlines.close()

    async def _cancel(self, workers: Sequence[Worker], subscription: Subscription) -> None:
        """Stop the workers, within half a second, and release the messages they hold."""
        deadline = asyncio.get_running_loop().time() + STOP_TIMEOUT
        running = [w for w in workers if w.task is not None and not w.task.done()]
        for worker in running:
            worker.cancel()
        tasks = [worker.task for worker in running if worker.task is not None]
        if tasks:
            _, tasks_left = await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT)
            if tasks_left:
                text = "%s: %d handlers ignored their cancellation and were left running"
                log.warning(text, self._function.id, len(tasks_left))
        try:
            async with asyncio.timeout_at(deadline):
                await self._release(workers, subscription)
        except Exception:
            # A driver that failed cannot take them back; the reason for the end matters more.
            log.exception("%s: unfinished messages could not be released", self._function.id)

    async def _release(self, workers: Sequence[Worker], subscription: Subscription) -> None:
        await subscription.close()
        held = []
        for worker in workers:
            if worker.delivery is not None and not worker.delivery.settled:
                worker.delivery.settled = True  # its handler can no longer settle it
                held.append(worker.delivery.message)
        if held:
            await subscription.release(held)
            log.warning("%s: released unfinished messages: %d", self._function.id, len(held))


def _start(worker: Worker, name: str) -> asyncio.Task[None]:
    worker.task = asyncio.create_task(worker.run(), name=name)
    worker.task.add_done_callback(_retrieve_exception)
    return worker.task


def _retrieve_exception(task: asyncio.Task[None]) -> None:
    """Of several workers that fail at once, one error is raised: keep the loop from reporting the
    others.
    """
    if not task.cancelled():
        task.exception()


async def _wait_for_stop(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for `stop`. Raises the error that a worker ended with before."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    for task in tasks:
        if task.done():
            task.result()


async def _wait_for_all(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for all tasks. Raises the first error of one."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        if task.done():
            task.result()
