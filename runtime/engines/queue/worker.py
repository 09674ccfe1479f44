"""Worker: receives one message after the other and has it handled and settled."""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic

from runtime.engines.queue.attempt import Attempt
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import Closed, NotHeld
from runtime.engines.queue.message import NO_HEADERS
from runtime.engines.queue.outcome import ACK, Outcome
from runtime.engines.queue.pending_settlements import PendingSettlements
from runtime.engines.queue.settlement import Settlement
from runtime.engines.queue.tracing import MessageTracer
from runtime.telemetry import clear_current

SLICE = 0.002
"""Real seconds after which a worker yields to the event loop."""
LANE = 200
"""Messages that a lane holds."""

Done = tuple[float, float, bool]
"""When a message was handed out, when its handler ended, and whether that was well."""

TURN, SHORTEST_TURN = 64, 4
"""Messages that all workers of a consumer, and each of them at least, handle before that."""


class Worker:
    """One of a consumer's loops: runs at most one handler at a time.

    Its task ends when the subscription is closed and the running handler has ended.
    """

    def __init__(
        self,
        attempt: Attempt,
        settlement: Settlement,
        pending: PendingSettlements,
        most_pending: int,
        tracer: MessageTracer | None,
    ) -> None:
        """The worker goes on while its settlements are written, if with those of others at most
        `most_pending` are.
        """
        self.attempt = attempt
        self._settlement = settlement
        self._pending = pending
        self._most_pending = most_pending
        # A task for what is done at once would only cost.
        in_background = settlement.subscription.settles_in_background
        self._most_tasks = most_pending if in_background else 0
        self.turn = TURN
        """Messages that it handles before it yields to the loop."""
        self._tracer = tracer
        self._tally = settlement.tally
        self.lane: deque[Done] | None = None if self._tally is None else deque(maxlen=LANE)
        """The last messages that it handled, for a picture of its work."""
        self.began: float | None = None
        """When it was handed its last message, by the monotonic clock."""

    @property
    def waiting(self) -> bool:
        """True while it waits for a message."""
        return self.attempt.delivery is None

    def start(self, name: str) -> asyncio.Task[None]:
        """Run in a task of that name."""
        self.attempt.task = task = asyncio.create_task(self.run(), name=name)
        return task

    async def run(self) -> None:
        """Work until the subscription is closed. Raises only errors that are not the handler's."""
        settlement, pending, most = self._settlement, self._pending, self._most_pending
        attempt, tracer = self.attempt, self._tracer
        if tracer is not None and tracer.listens:
            most = 0
        handle, subscription = attempt.handle, settlement.subscription
        take, receive, ack_nowait = subscription.take, subscription.receive, subscription.ack_nowait
        tally, lane, now = self._tally, self.lane, monotonic()
        left, until = self.turn, now + SLICE
        while True:
            try:
                message = take()
                if message is None:
                    if tracer is not None:
                        clear_current()  # its last message is no part of what it waits for
                    message = await receive()
                    now = monotonic()
            except Closed:
                return
            if tally is not None and message.attempt == 1:
                tally.waits.append(message.published - now)
            self.began = began = now
            attempt.delivery = delivery = Delivery(message, settlement)
            if tracer is None:
                span = None
            elif message.attempt == 1 and message.headers is NO_HEADERS:
                span = tracer.root(None, delivery, began)
            else:
                span = tracer.begin(delivery, began)
            settling = None
            try:
                outcome = await handle(delivery)
                now = monotonic()
                if lane is not None:
                    lane.append((began, now, outcome is ACK))
                if (
                    outcome is ACK
                    and not delivery.settled
                    and not attempt.cancelled
                    and len(pending) < most
                ):
                    # The end of nearly every message, without the way through `settle`.
                    delivery.settled = True
                    if tally is not None:
                        tally.acked.append(now - began)
                    try:
                        if (acked := ack_nowait(message)) is not None:
                            pending.add(delivery, acked)
                    except NotHeld:
                        settlement.ignore(delivery)
                    except BaseException:
                        delivery.settled = False
                        raise
                    if span is not None:
                        span.end_at(now)
                        span = None
                else:
                    if tally is not None:
                        tally.others.append(now - began)
                    settling = await self._conclude(delivery, outcome)
                    now = monotonic()
            except BaseException as error:
                if span is not None:
                    span.fail(error)
                raise
            if tracer is not None and span is not None:
                tracer.end(span, delivery, settling)
            if attempt.last:
                return
            attempt.delivery = None
            left -= 1
            # Handlers and queues that never wait would keep the loop to themselves.
            if left == 0 or now > until:
                await asyncio.sleep(0)
                now = monotonic()
                left, until = self.turn, now + SLICE

    async def _conclude(self, delivery: Delivery, outcome: Outcome) -> asyncio.Task[None] | None:
        """Settle the message, unless that is done. Returns a task if it is still being settled."""
        attempt = self.attempt
        if delivery.settled:
            attempt.warn_of_failure(outcome)
        elif attempt.cancelled:
            # The result of a handler that `cancel` interrupted says nothing about its work, not
            # even if it is a success: its message is released.
            pass
        elif self._most_tasks and len(self._pending) < self._most_tasks:
            task = asyncio.create_task(self._settlement.settle(delivery, outcome, soon=False))
            self._pending.add(delivery, task)
            return task
        else:
            await self._settlement.settle(delivery, outcome)
        return None
