"""Consumer: calls a function with the messages of a queue, several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from runtime.clock import REAL, Clock
from runtime.engines.queue.arguments import Arguments
from runtime.engines.queue.attempt import Attempt, cancel_message
from runtime.engines.queue.batch import Batching
from runtime.engines.queue.batch_attempt import BatchAttempt
from runtime.engines.queue.batch_worker import BatchWorker
from runtime.engines.queue.bulk_queue import BulkSubscription
from runtime.engines.queue.crew import Crew
from runtime.engines.queue.deadline import Deadlines
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import Subscription
from runtime.engines.queue.gathering import Gathering
from runtime.engines.queue.limits import LimitedQueue, Limits
from runtime.engines.queue.message import Message
from runtime.engines.queue.pending_settlements import PendingSettlements
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.settlement import Settlement
from runtime.engines.queue.tally import Tally
from runtime.engines.queue.tracing import MessageTracer
from runtime.engines.queue.tracked_queue import TrackedSubscription
from runtime.engines.queue.worker import SHORTEST_TURN, TURN, Done, Worker
from runtime.engines.queue.worker_tasks import wait_for_stop
from runtime.engines.sql.contract import Transactions
from runtime.handlers.function import Function
from runtime.loggers import logger
from runtime.service import Ready, StartError
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
        arguments: Arguments | None = None,
        batching: Batching | None = None,
        tally: Tally | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`timeout` in seconds, for each call; with `transactions`, each message gets one, which is
        committed together with its ack. `redact` takes secrets out of dead letters. With
        `arguments`, the function gets what they make of a message, else the decoded body; with
        `batching`, what they make of several messages, or a list of bodies. With `limits`, it
        claims only what these allow to all programs together.
        """
        self.queue = queue
        self.function = function
        self.concurrency = concurrency
        # A crash spends an attempt of the messages claimed ahead too, and it may be the only one.
        self._prefetch = prefetch if queue.max_attempts > 1 or batching is not None else 0
        self.timeout = timeout
        self._transactions = transactions
        self._clock = clock
        self._telemetry = telemetry
        self._redact = redact
        self._arguments = arguments
        self.batching = batching
        self.tally = tally
        """Counts its messages, if they are counted."""
        self.limits = limits
        self._crew: Crew | None = None
        """Its workers; after a run, those that it had in the end."""
        self._timed: list[Deadlines | None] = []
        """Those of its calls, the present one last; None for a time without `timeout`."""
        self._settling: Settlement | None = None

    @property
    def busy(self) -> int:
        """The number of its calls that are in progress."""
        return sum(bool(each.held) for each in self._crew.attempts) if self._crew else 0

    @property
    def last_poll(self) -> float | None:
        """Seconds for which its queue owes it an answer, 0 for none; None while it does not run."""
        if self._settling is None:
            return None
        since = self._settling.subscription.asking_since
        return 0.0 if since is None else max(0.0, self._clock.monotonic() - since)

    @property
    def lanes(self) -> Sequence[tuple[Sequence[Done], float | None]]:
        """For each worker, its last messages, and since when it has the one in hand. None of those
        that take batches, and without a tally.
        """
        return [
            ([*each.lane], each.began if each.attempt.delivery is not None else None)
            for each in (self._crew.workers if self._crew else ())
            if isinstance(each, Worker) and each.lane is not None
        ]

    @property
    def check(self) -> tuple[str, Callable[[bytes], object]] | None:
        """Its function, and what decodes a body for it; None if the function takes any body."""
        if self._arguments is None:
            return None
        return str(self.function.id), self._arguments.decode

    def batch_what_is_there(self) -> None:
        """Have no batch wait for more: for tests, whose clock stands still."""
        if self.batching is not None:
            self.batching = replace(self.batching, wait=0.0)

    def lift_rate(self) -> None:
        """Begin whatever is there: for tests, whose clock stands still."""
        if self.limits is not None:
            self.limits = replace(self.limits, rate=None)

    def revise(self, other: Consumer) -> None:
        """Have the workers go on as those of another consumer would, each from its next message on:
        with its function and its `timeout`, and as many as it has. All else of it is the same.
        """
        is_timed = other.timeout != self.timeout
        self.function, self.timeout = other.function, other.timeout
        self._arguments, self.concurrency = other._arguments, other.concurrency
        if self._settling is None or self._crew is None:
            return
        if is_timed:
            now = self._deadlines(self._crew.attempts)
            self._timed = [*(each for each in self._timed if each and each.is_on), now]
        for attempt in self._crew.attempts:
            attempt.become(self._attempt(self._settling, self._timed[-1]))
        self._resize(self._crew)

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Work until `stop`, then wait for the running handlers.

        If this is cancelled, the handlers are cancelled too and their messages released, without
        spending the attempt; a handler that ignores its cancellation is left running. An error that
        is not a handler's ends the run in the same way, and is raised.
        """
        if stop.is_set():
            return ready()
        subscription = self._subscribe()
        self._settling = settlement = self._settlement(subscription, self._telemetry)
        pending = PendingSettlements(settlement.ignore)
        crew = self._crew = Crew(str(self.function.id), self._maker(settlement, pending))
        self._timed = [self._deadlines(crew.attempts)]
        self._resize(crew)
        if isinstance(subscription, TrackedSubscription):
            subscription.on_cancel = partial(cancel_message, crew.attempts)
        self.queue.consumers += 1
        try:
            ready()
            await wait_for_stop(stop, [crew.ended, pending.failure])
            await subscription.close()
            await crew.finish()
            await pending.finish()
        except BaseException:
            await self._cancel(crew.attempts, pending, subscription)
            raise
        finally:
            self.queue.consumers -= 1
            self._settling = None
            for deadlines in self._timed:
                if deadlines is not None:
                    deadlines.close()

    def _subscribe(self) -> Subscription:
        queue, limits = self.queue.driver_queue, self.limits
        if limits is None:
            return queue.subscribe(self._prefetch)
        if not isinstance(queue, LimitedQueue):
            raise StartError(f"the driver of '{self.queue.id}' keeps no 'rate' or 'concurrency_by'")
        return queue.subscribe_limited(self._prefetch, limits)

    def _maker(
        self, settlement: Settlement, pending: PendingSettlements
    ) -> Callable[[], Worker | BatchWorker]:
        """What makes a worker."""
        # In a transaction the ack is a part of it, and so waited for.
        most = self._prefetch if self._transactions is None else 0
        subscription, batching = settlement.subscription, self.batching
        if batching is not None and isinstance(subscription, BulkSubscription):
            subscription.at_once = batching.size
        traced = self._telemetry.enabled
        tracer = MessageTracer(self._telemetry, self.queue.id) if traced else None

        def make() -> Worker | BatchWorker:
            attempt = self._attempt(settlement, self._timed[-1])
            if isinstance(attempt, BatchAttempt) and batching is not None:
                gathering = Gathering(settlement, batching, self._clock)
                return BatchWorker(attempt, settlement, gathering, tracer)
            return Worker(attempt, settlement, pending, most, tracer)

        return make

    def _resize(self, crew: Crew) -> None:
        """Have as many workers as there should be, each with its share of a turn of the loop."""
        crew.resize(self.concurrency)
        for worker in crew.workers:
            if isinstance(worker, Worker):
                worker.turn = max(SHORTEST_TURN, TURN // self.concurrency)

    def _attempt(self, settlement: Settlement, deadlines: Deadlines | None) -> Attempt:
        make = Attempt if self.batching is None else BatchAttempt
        return make(self.function, settlement, deadlines, self._transactions, self._arguments)

    async def handle(self, message: Message, subscription: Subscription) -> None:
        """Handle one message as a worker does, and settle it by that subscription, which need not
        be one of the queue: for tests. Nothing is reported to telemetry.
        """
        attempts: list[Attempt] = []
        deadlines = self._deadlines(attempts)
        settlement = self._settlement(subscription, OFF)
        attempt = self._attempt(settlement, deadlines)
        attempts.append(attempt)
        attempt.task = asyncio.current_task()
        delivery = Delivery(message, settlement)
        try:
            if isinstance(attempt, BatchAttempt):
                attempt.gathered = [delivery]
                return await attempt.handle_gathered()
            attempt.delivery = delivery
            outcome = await attempt.handle(delivery)
            if not delivery.settled:
                await settlement.settle(delivery, outcome)
        finally:
            if deadlines is not None:
                deadlines.close()

    def _deadlines(self, attempts: Sequence[Attempt]) -> Deadlines | None:
        return None if self.timeout is None else Deadlines(self.timeout, attempts, self._clock)

    def _settlement(self, subscription: Subscription, telemetry: Telemetry) -> Settlement:
        function, time = str(self.function.id), self._clock.time
        return Settlement(
            self.queue, subscription, function, time, telemetry, self._redact, self.tally
        )

    async def _cancel(
        self, attempts: Sequence[Attempt], pending: PendingSettlements, subscription: Subscription
    ) -> None:
        """Stop the workers, within half a second, and release the messages they hold."""
        deadline = asyncio.get_running_loop().time() + STOP_TIMEOUT
        tasks: set[asyncio.Future[None]] = set()
        for attempt in attempts:
            if attempt.task is not None and not attempt.task.done():
                tasks.add(attempt.task)
                attempt.cancel()
        ends: list[asyncio.Future[None]] = [*tasks, pending.ended()]
        if ends:
            _, left = await asyncio.wait(ends, timeout=CANCEL_TIMEOUT)
            if tasks_left := left & tasks:
                text = "%s: %d handlers ignored their cancellation and were left running"
                log.warning(text, self.function.id, len(tasks_left))
        try:
            async with asyncio.timeout_at(deadline):
                await self._release(attempts, pending, subscription)
        except Exception:
            # A driver that failed cannot take them back; the reason for the end matters more.
            log.exception("%s: unfinished messages could not be released", self.function.id)

    async def _release(
        self, attempts: Sequence[Attempt], pending: PendingSettlements, subscription: Subscription
    ) -> None:
        await subscription.close()
        held = []
        for attempt in attempts:
            for delivery in attempt.held:
                delivery.settled = True  # its handler can no longer settle it
                held.append(delivery.message)
        # Of those that are still being written too: one of the two finds it no longer held.
        held += [delivery.message for delivery in pending.unsettled]
        if held:
            await subscription.release(held)
            if self.tally is not None:
                self.tally.outcomes["released"] += len(held)
            log.warning("%s: released unfinished messages: %d", self.function.id, len(held))
