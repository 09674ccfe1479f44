"""Crew: the workers of a consumer that runs; some may join or leave it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from runtime.engines.queue.attempt import Attempt
from runtime.engines.queue.batch_worker import BatchWorker
from runtime.engines.queue.worker import Worker


class Crew:
    """Runs workers, each in a task. Belongs to one event loop."""

    def __init__(self, name: str, make: Callable[[], Worker | BatchWorker]) -> None:
        """`make` makes a worker, and `name` is part of its task's."""
        self.workers: list[Worker | BatchWorker] = []
        """Those that work, the ones that leave after their message in hand included."""
        self.attempts: list[Attempt] = []
        """Theirs, in the same order."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once a worker ends that was not to leave. Fails if one fails before."""
        self._error: BaseException | None = None
        self._name = name
        self._make = make
        self._started = 0
        self._tasks: dict[asyncio.Task[None], Worker | BatchWorker] = {}

    def resize(self, count: int) -> None:
        """Have so many work. Those beyond leave: at once if they wait, else after what they have
        in hand. If those have not gone yet, they may stay.
        """
        staying = [worker for worker in self.workers if not worker.attempt.last]
        for worker in self.workers:
            if worker.attempt.last and not worker.waiting and len(staying) < count:
                worker.attempt.last = False
                staying.append(worker)
        for worker in sorted(staying, key=lambda worker: worker.waiting)[count:]:
            self._dismiss(worker)
        for _ in range(count - len(staying)):
            self._start(self._make())

    async def finish(self) -> None:
        """Wait until all have ended. Raises the first error of one."""
        if self._tasks:
            await asyncio.wait([*self._tasks], return_when=asyncio.FIRST_EXCEPTION)
        if self._error is not None:
            raise self._error

    def _start(self, worker: Worker | BatchWorker) -> None:
        task = worker.start(f"{self._name}#{self._started}")
        self._started += 1
        self.workers.append(worker)
        self.attempts.append(worker.attempt)
        self._tasks[task] = worker
        task.add_done_callback(self._on_ended)

    def _dismiss(self, worker: Worker | BatchWorker) -> None:
        worker.attempt.last = True
        if worker.waiting and worker.attempt.task is not None:
            worker.attempt.task.cancel()

    def _on_ended(self, task: asyncio.Task[None]) -> None:
        worker = self._tasks.pop(task)
        attempt = worker.attempt
        # Also of those that fail after the first: else the loop reports the error.
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        is_leaving = attempt.last and not attempt.cancelled
        if is_leaving and (error is None or task.cancelled()):
            self.workers.remove(worker)
            self.attempts.remove(attempt)
            return
        if self._error is None:
            self._error = error
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)
            self.ended.exception()  # retrieved, also if the consumer ends for another reason
