"""BatchWorker: gathers one batch after the other and has it handled and settled."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.batch_attempt import BatchAttempt
from runtime.engines.queue.driver_queue import Closed
from runtime.engines.queue.gathering import Gathering
from runtime.engines.queue.settlement import Settlement
from runtime.engines.queue.tracing import MessageTracer


class BatchWorker:
    """One of the loops of a consumer with `batch`: runs at most one handler at a time.

    Its task ends when the subscription is closed, or the worker is dismissed, and the running
    handler has ended; what waits for its batch then is given back, with its attempts unspent where
    the driver can.
    """

    def __init__(
        self,
        attempt: BatchAttempt,
        settlement: Settlement,
        gathering: Gathering,
        tracer: MessageTracer | None,
    ) -> None:
        self.attempt = attempt
        self.waiting = True
        """True while it gathers a batch."""
        self._settlement = settlement
        self._gathering = gathering
        self._tracer = tracer

    def start(self, name: str) -> asyncio.Task[None]:
        """Run in a task of that name."""
        self.attempt.task = task = asyncio.create_task(self.run(), name=name)
        return task

    async def run(self) -> None:
        """Work until the subscription is closed. Raises only errors that are not the handler's."""
        attempt = self.attempt
        while True:
            self.waiting = True
            try:
                await self._gathering.fill(attempt.gathered)
            except Closed:
                return await self._give_back()
            except asyncio.CancelledError:
                if attempt.last and not attempt.cancelled:
                    return await self._give_back()
                raise
            self.waiting = False
            if self._tracer is None:
                await attempt.handle_gathered()
            else:
                await self._handle_traced(self._tracer)
            if attempt.last:
                return
            await asyncio.sleep(0)  # handlers and queues that never wait would keep the loop

    async def _give_back(self) -> None:
        gathered = self.attempt.gathered
        messages = [delivery.message for delivery in gathered]
        for delivery in gathered:
            delivery.settled = True
        gathered.clear()
        if messages:
            await self._settlement.subscription.release(messages)

    async def _handle_traced(self, tracer: MessageTracer) -> None:
        deliveries = [*self.attempt.gathered]
        span = tracer.begin_batch(deliveries)
        try:
            await self.attempt.handle_gathered()
        except BaseException as error:
            span.fail(error)
            raise
        tracer.end_batch(span, deliveries)
