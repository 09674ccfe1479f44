"""Worker: receives one message after the other and calls the function with it."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, suppress
from time import monotonic

from runtime.codec import decode_trusted
from runtime.engines.queue.deadline import NONE, Deadlines
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import Closed, NotHeld
from runtime.engines.queue.outcome import (
    ACK,
    Dead,
    Nack,
    Outcome,
    Reason,
    Requeue,
    Unsettled,
)
from runtime.engines.queue.settlement import Settlement, log, outcome_of, outcome_of_result
from runtime.engines.sql.contract import Transaction, Transactions
from runtime.handlers.function import Function
from runtime.telemetry import TRACEPARENT, Telemetry

SLICE = 0.002
"""Real seconds after which a worker yields to the event loop."""
TURN, SHORTEST_TURN = 64, 4
"""Messages that all workers of a consumer, and each of them at least, handle before that."""


class _RolledBack(Exception):
    """Leaves a transaction without a commit."""


class Worker:
    """One of a consumer's loops: runs at most one handler at a time.

    Its task ends when the subscription is closed and the running handler has ended.
    """

    def __init__(
        self,
        function: Function,
        settlement: Settlement,
        deadlines: Deadlines | None,
        turn: int,
        transactions: Transactions | None,
        telemetry: Telemetry,
    ) -> None:
        """`turn` is the number of messages handled before the worker yields to the loop."""
        self.deadline = NONE
        self.delivery: Delivery | None = None
        self.cancelled = False
        self.task: asyncio.Task[None] | None = None
        self._function = function
        self._call = function.call
        self._settlement = settlement
        self._deadlines = deadlines
        self._turn = turn
        self._transactions = transactions
        self._telemetry = telemetry
        self._max_attempts = settlement.queue.max_attempts
        self._expired = False
        self._expiry: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Work until the subscription is closed. Raises only errors that are not the handler's."""
        settlement, transactions = self._settlement, self._transactions
        attempt, traced = self._attempt, self._telemetry.enabled
        subscription = settlement.subscription
        take, receive, ack = subscription.take, subscription.receive, subscription.ack
        left, until = self._turn, monotonic() + SLICE
        while True:
            try:
                message = take() or await receive()
            except Closed:
                return
            self.delivery = delivery = Delivery(message, settlement)
            if traced:
                await self._process_traced(delivery)
            else:
                if transactions is None:
                    outcome = await attempt(delivery)
                else:
                    outcome = await self._attempt_in(transactions(), delivery)
                if outcome is ACK and not delivery.settled and not self.cancelled:
                    # The end of nearly every message, without the way through `settle`.
                    delivery.settled = True
                    try:
                        await ack(message)
                    except NotHeld:
                        settlement.ignore(delivery)
                    except BaseException:
                        delivery.settled = False
                        raise
                else:
                    await self._conclude(delivery, outcome)
            if self.cancelled:
                return
            self.delivery = None
            left -= 1
            # Handlers and queues that never wait would keep the loop to themselves.
            if left == 0 or monotonic() > until:
                await asyncio.sleep(0)
                left, until = self._turn, monotonic() + SLICE

    def expire(self) -> None:
        """Called by a timer when the handler's time is over, while it waits for something."""
        assert self.task is not None
        assert self.delivery is not None
        self._expired = True
        if not self._function.blocking:
            self.task.cancel()
        elif not self.delivery.settled:
            # A thread cannot be stopped: the attempt is over, the worker stays with the thread.
            self._expiry = asyncio.create_task(self._settle_expired(self.delivery))

    def cancel(self) -> None:
        """Stop now, even inside a handler. The caller releases the message."""
        assert self.task is not None
        self.cancelled = True
        self.task.cancel()

    async def _process_traced(self, delivery: Delivery) -> None:
        """One message as a span. Its first attempt is part of the trace that published it."""
        attributes = {
            "messaging.destination.name": self._settlement.queue.id,
            "messaging.message.id": delivery.id,
            "attempt": delivery.attempt,
        }
        parent = delivery.message.headers.get(TRACEPARENT) if delivery.attempt == 1 else None
        with self._telemetry.span(
            "queue.process", self._settlement.queue.id, traceparent=parent, **attributes
        ) as span:
            if self._transactions is None:
                outcome = await self._attempt(delivery)
            else:
                outcome = await self._attempt_in(self._transactions(), delivery)
            await self._conclude(delivery, outcome)
            span.attributes["outcome"] = delivery.outcome

    async def _attempt(self, delivery: Delivery) -> Outcome:
        message = delivery.message
        if message.attempt > self._max_attempts:
            return Dead(Reason.CRASHED, Unsettled("delivered, and never settled"))
        try:
            body = decode_trusted(message.body)
        except (ValueError, RecursionError) as error:
            return Dead(Reason.INVALID, error)
        if self._deadlines is not None:
            self._expired = False
            self._deadlines.begin(self)
        try:
            result = await self._call(delivery, body)
            outcome: Outcome = ACK if result is None else outcome_of_result(result)
        except asyncio.CancelledError as error:
            if self.cancelled:
                raise
            outcome = Nack(None, error)
        except BaseException as error:  # sys.exit() ends a handler, not the program
            if isinstance(error, GeneratorExit) and not self._is_running():
                raise
            outcome = outcome_of(error)
        self.deadline = NONE
        if self._expired:
            return await self._after_expiry()
        if self.task is not None and self.task.cancelling() and not self.cancelled:
            await self._undo_cancellation(self.task)
        return outcome

    async def _attempt_in(
        self, transaction: AbstractAsyncContextManager[Transaction], delivery: Delivery
    ) -> Outcome:
        """An attempt whose writes and ack are committed together, or not at all."""
        settlement = self._settlement
        outcome: Outcome = ACK
        try:
            async with transaction as delivery.transaction:
                outcome = await self._attempt(delivery)
                if delivery.decision is not None and not delivery.settled:
                    self._warn_of_failure(delivery, outcome)
                    outcome = delivery.decision
                if delivery.settled or self.cancelled:
                    raise _RolledBack
                if outcome is ACK:
                    await settlement.subscription.ack(delivery.message, delivery.transaction)
                elif isinstance(outcome, Requeue):
                    await settlement.subscription.requeue(
                        delivery.message,
                        outcome.again,
                        outcome.to.driver_queue,
                        delivery.transaction,
                    )
                else:
                    raise _RolledBack
            delivery.settled = True
            settlement.report(delivery, "ack" if outcome is ACK else "requeue")
        except _RolledBack:
            pass
        except NotHeld:
            delivery.settled = True
            settlement.ignore(delivery)
        except Exception as error:  # the commit failed, so nothing was done
            outcome = Nack(None, error)
        return outcome

    async def _conclude(self, delivery: Delivery, outcome: Outcome) -> None:
        if not delivery.settled:
            # The result of a handler that `cancel` interrupted says nothing about its work, not
            # even if it is a success: its message is released.
            if not self.cancelled:
                await self._settlement.settle(delivery, outcome)
        elif not self._expired:
            self._warn_of_failure(delivery, outcome)

    async def _settle_expired(self, delivery: Delivery) -> None:
        if delivery.transaction is not None:
            delivery.transaction.abandon()  # else the settlement would wait for it
        if not delivery.settled:
            await self._settlement.settle(delivery, self._timed_out())

    async def _after_expiry(self) -> Outcome:
        if self._expiry is None:
            assert self.task is not None
            self.task.uncancel()
        else:
            await self._expiry  # raises here what the driver raised
            self._expiry = None
        return self._timed_out()

    async def _undo_cancellation(self, task: asyncio.Task[None]) -> None:
        """Take back a cancellation that the handler requested: only `cancel` ends a worker.

        Otherwise one message would end its consumer at every attempt, without spending one.
        """
        while task.cancelling():
            task.uncancel()
        with suppress(asyncio.CancelledError):  # requested and not raised yet
            await asyncio.sleep(0)

    def _is_running(self) -> bool:
        """False while this coroutine is closed from outside, which no handler can do."""
        try:
            return asyncio.current_task() is self.task
        except RuntimeError:
            return False

    def _timed_out(self) -> Nack:
        assert self._deadlines is not None
        return Nack(None, TimeoutError(f"not done after {self._deadlines.timeout:g} s"))

    def _warn_of_failure(self, delivery: Delivery, outcome: Outcome) -> None:
        """Log the error of a handler that settled its message before it failed."""
        if not isinstance(outcome, Nack | Dead) or outcome.error is None:
            return
        log.warning(
            "%s settled its message and failed after that",
            self._function.id,
            exc_info=outcome.error,
            extra={
                "entry": str(self._function.id),
                "message_id": delivery.id,
                "fields": {"attempt": delivery.attempt},
            },
        )
