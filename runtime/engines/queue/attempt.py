"""Attempt: one message in the hands of a worker, from the start of its handler to the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from runtime.codec import decode_trusted
from runtime.engines.queue.arguments import Arguments
from runtime.engines.queue.deadline import NONE, Deadlines
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import ACK, CANCELLED, CRASHED, Ack, Dead, Nack, Outcome, Requeue
from runtime.engines.queue.result import outcome_to_keep
from runtime.engines.queue.settlement import (
    Settlement,
    log,
    outcome_of,
    outcome_of_body,
)
from runtime.engines.queue.tracked_queue import TrackedSubscription
from runtime.engines.sql.contract import Transaction, Transactions
from runtime.handlers.function import Function, Stoppable


class RolledBack(Exception):
    """Leaves a transaction without a commit."""


class Attempt:
    """Calls the handler with a message: its time limit, its transaction, its outcome.

    Each worker has one for all its messages: one for each would cost a tenth of a memory queue's
    message.
    """

    def __init__(
        self,
        function: Function,
        settlement: Settlement,
        deadlines: Deadlines | None,
        transactions: Transactions | None,
        arguments: Arguments | None = None,
    ) -> None:
        self.deadline = NONE
        self.delivery: Delivery | None = None
        self.cancelled = False
        self.last = False
        """True if its worker ends after the message in hand, or now if it has none."""
        self.task: asyncio.Task[None] | None = None
        """The worker's, in which the handler runs."""
        self.handle: Callable[[Delivery], Awaitable[Outcome]] = (
            self._call_handler if transactions is None else self._handle_in_transaction
        )
        """Call the handler with the message of a delivery, once. Raises if it is cancelled."""
        self._function = function
        self._decode: Callable[[bytes], Any] = (
            decode_trusted if arguments is None else arguments.decode
        )
        self._call = function.call if arguments is None else arguments.call(function)
        self._ends_when_cancelled = not function.blocking or (
            isinstance(function, Stoppable) and function.stoppable
        )
        self._is_calling = False
        """True while the handler runs."""
        self._settlement = settlement
        self._deadlines = deadlines
        self._transactions = transactions
        self._queue = settlement.queue
        self._expired = False
        self._expiry: asyncio.Task[None] | None = None

    @property
    def held(self) -> Sequence[Delivery]:
        """The deliveries in hand that are not settled."""
        return [self.delivery] if self.delivery is not None and not self.delivery.settled else []

    def expire(self) -> None:
        """Called by a timer when the handler's time is over, while it waits for something."""
        assert self.task is not None
        assert self.delivery is not None
        self._expired = True
        if self._ends_when_cancelled:
            self.task.cancel()
        elif not self.delivery.settled:
            # A thread cannot be stopped: the attempt is over, the worker stays with the thread.
            self._expiry = asyncio.create_task(self._settle_expired(self.delivery))

    def cancel(self) -> None:
        """Stop now, even inside a handler. The caller releases the message."""
        assert self.task is not None
        self.cancelled = self.last = True
        self.task.cancel()

    def cancel_message(self, id: str) -> None:
        """Stop the handler of that message at its next `await`, if it is in hand; a plain `def`
        goes on, and is told by its message.
        """
        for delivery in self.held:
            if delivery.id == id and not delivery.cancelling:
                delivery.cancelling = True
                self._stop_handler(delivery)

    def _stop_handler(self, delivery: Delivery) -> None:
        if not self._is_calling:
            return
        if self._ends_when_cancelled:
            assert self.task is not None
            self.task.cancel()
        else:
            self._log_unstoppable(delivery, "a thread cannot be stopped")

    def _log_unstoppable(self, delivery: Delivery, why: str) -> None:
        log.warning(
            "%s goes on with message %s, which was cancelled: %s; what it returns counts",
            self._function.id,
            delivery.id,
            why,
            extra={"entry": str(self._function.id), "message_id": delivery.id},
        )

    def become(self, other: Attempt) -> None:
        """Be as another attempt of the same settlement is, from the next message on."""

        def decode(body: bytes) -> Any:  # which is the first thing that is done with a message
            self._take(other)
            self._decode = other._decode
            return self._decode(body)

        self._decode = decode

    def _take(self, other: Attempt) -> None:
        self._function = other._function
        self._call = other._call
        self._ends_when_cancelled = other._ends_when_cancelled
        self._deadlines = other._deadlines
        self._expired = False

    def warn_of_failure(self, outcome: Outcome) -> None:
        """Log the error of a handler that settled its message before it failed."""
        if self.delivery is not None and not self._expired:
            self._warn_of_failure(self.delivery, outcome)

    async def _call_handler(self, delivery: Delivery) -> Outcome:
        message = delivery.message
        if message.attempt > self._queue.max_attempts:
            return CRASHED
        try:
            body = self._decode(message.body)
        except Exception as error:
            return outcome_of_body(error)
        if delivery.cancelling:
            return CANCELLED
        if self._deadlines is not None:
            self._expired = False
            self._deadlines.begin(self)
        self._is_calling = True
        try:
            result = await self._call(delivery, body)
            outcome: Outcome = ACK if result is None else self._outcome(result, delivery)
        except asyncio.CancelledError as error:
            if self.cancelled:
                raise
            outcome = Nack(None, error)
        except BaseException as error:  # sys.exit() ends a handler, not the program
            if isinstance(error, GeneratorExit) and not self._is_running():
                raise
            outcome = outcome_of(error)
        self.deadline, self._is_calling = NONE, False
        if self._expired:
            return await self._after_expiry()
        if self.task is not None and self.task.cancelling() and not self.cancelled:
            await self._undo_cancellation(self.task)
        return outcome

    def _outcome(self, result: Any, delivery: Delivery) -> Outcome:
        """The outcome of a handler that returned a value other than None."""
        return outcome_to_keep(result, delivery)

    async def _handle_in_transaction(self, delivery: Delivery) -> Outcome:
        """An attempt whose writes and ack are committed together, or not at all."""
        assert self._transactions is not None
        settlement = self._settlement
        outcome: Outcome = ACK
        try:
            async with self._transactions() as delivery.transaction:
                outcome = await self._call_handler(delivery)
                if delivery.decision is not None and not delivery.settled:
                    self._warn_of_failure(delivery, outcome)
                    outcome = delivery.decision
                if delivery.settled or self.cancelled:
                    raise RolledBack
                if not isinstance(outcome, Ack | Requeue):
                    raise RolledBack
                await self._end_in_transaction(delivery, outcome)
            self._report_end(delivery, outcome)
        except RolledBack:
            pass
        except NotHeld:
            delivery.settled = True
            settlement.ignore(delivery)
        except Exception as error:  # the commit failed, so nothing was done
            outcome = Nack(None, error)
        return outcome

    async def _end_in_transaction(self, delivery: Delivery, end: Ack | Requeue) -> None:
        message, transaction = delivery.message, delivery.transaction
        subscription = self._settlement.subscription
        if isinstance(end, Requeue):
            await subscription.requeue(message, end.again, end.to.driver_queue, transaction)
        else:
            await self._ack_in_transaction(message, end, transaction)

    async def _ack_in_transaction(
        self, message: Message, end: Ack, transaction: Transaction | None
    ) -> None:
        subscription = self._settlement.subscription
        if end.result is None:
            await subscription.ack(message, transaction)
        else:
            assert isinstance(subscription, TrackedSubscription)
            await subscription.finish(message, end.result, transaction)

    def _report_end(self, delivery: Delivery, end: Ack | Requeue) -> None:
        """Called once the transaction is committed."""
        delivery.settled = True
        self._settlement.report(delivery, "requeue" if isinstance(end, Requeue) else "ack")

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


def cancel_message(attempts: Sequence[Attempt], id: str) -> None:
    """Stop the handler of that message, if one of these has it in hand."""
    for attempt in attempts:
        attempt.cancel_message(id)
