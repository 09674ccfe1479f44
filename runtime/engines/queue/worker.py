"""Worker: takes one message after the other and hands it to the function."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager, suppress
from time import monotonic
from typing import Any, Protocol

from runtime.codec import decode_trusted
from runtime.engines.queue.deadline import NONE, Deadlines
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import Closed, NotHeld
from runtime.engines.queue.outcome import (
    ACK,
    NACK,
    Dead,
    Nack,
    Outcome,
    Reason,
    Unsettled,
    of_error,
)
from runtime.engines.queue.settlement import Settlement, log
from runtime.engines.sql.contract import Transaction, Transactions

SLICE = 0.002
"""Seconds after which a worker lets the rest of the program have a turn."""
TURN, SHORTEST_TURN = 64, 4
"""Messages that all workers of a consumer, and each at the least, handle before that."""


class Function(Protocol):
    """What is called: see `runtime.kinds.function.Function`, which fits."""

    @property
    def id(self) -> object: ...

    @property
    def blocking(self) -> bool: ...

    def call(self, subject: Delivery, *arguments: Any) -> Awaitable[Any]: ...


class _RolledBack(Exception):
    """Leaves a transaction without a commit."""


class Worker:
    """One of a consumer's loops: at most one handler at a time.

    Its task ends when the subscription is closed and the handler in hand is done.
    """

    def __init__(
        self,
        function: Function,
        settlement: Settlement,
        deadlines: Deadlines | None,
        turn: int,
        transactions: Transactions | None = None,
    ) -> None:
        self.deadline = NONE
        self.delivery: Delivery | None = None
        self.dismissed = False
        self.task: asyncio.Task[None] | None = None
        self._function = function
        self._settlement = settlement
        self._deadlines = deadlines
        self._turn = turn
        self._transactions = transactions
        self._max_attempts = settlement.queue.max_attempts
        self._expired = False
        self._expiry: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Work until the subscription is closed. Raises only what is no fault of the handler."""
        settlement = self._settlement
        subscription = settlement.subscription
        take, receive, ack = subscription.take, subscription.receive, subscription.ack
        left, until = self._turn, monotonic() + SLICE
        while True:
            try:
                message = take() or await receive()
            except Closed:
                return
            self.delivery = delivery = Delivery(message, settlement)
            if self._transactions is None:
                outcome = await self._attempt(delivery)
            else:
                outcome = await self._attempt_in(self._transactions(), delivery)
            if outcome is ACK and not delivery.settled and not self.dismissed:
                # What nearly every message comes to, without the detour over `delivery.settle`.
                delivery.settled = True
                try:
                    await ack(message)
                except NotHeld:
                    settlement.lost(message)
                except BaseException:
                    delivery.settled = False
                    raise
            else:
                await self._conclude(delivery, outcome)
            if self.dismissed:
                return
            self.delivery = None
            left -= 1
            # Handlers and queues that never wait would keep the loop for themselves.
            if left == 0 or monotonic() > until:
                await asyncio.sleep(0)
                left, until = self._turn, monotonic() + SLICE

    def expire(self) -> None:
        """The handler's time is over. Called by a timer, while the handler waits for something."""
        assert self.task is not None
        assert self.delivery is not None
        self._expired = True
        if not self._function.blocking:
            self.task.cancel()
        elif not self.delivery.settled:
            # A thread cannot be stopped: the attempt is over, the worker stays with the thread.
            self._expiry = asyncio.create_task(self._give_up(self.delivery))

    def dismiss(self) -> None:
        """End now, in the middle of a handler: what it leaves behind is for others to settle."""
        assert self.task is not None
        self.dismissed = True
        self.task.cancel()

    async def _attempt(self, delivery: Delivery) -> Outcome:
        message = delivery.received
        if message.attempt > self._max_attempts:
            return Dead(Reason.CRASHED, Unsettled("handed out, and never settled"))
        try:
            body = decode_trusted(message.body)
        except (ValueError, RecursionError) as error:
            return Dead(Reason.INVALID, error)
        if self._deadlines is not None:
            self._expired = False
            self._deadlines.begin(self)
        try:
            result = await self._function.call(delivery, body)
            outcome: Outcome = NACK if result is False else ACK
        except asyncio.CancelledError as error:
            if self.dismissed:
                raise
            outcome = Nack(None, error)
        except BaseException as error:  # sys.exit() ends a handler, not the program
            if isinstance(error, GeneratorExit) and not self._runs():
                raise
            outcome = of_error(error)
        self.deadline = NONE
        if self._expired:
            return await self._after_expiry()
        if self.task is not None and self.task.cancelling() and not self.dismissed:
            await self._go_on(self.task)
        return outcome

    async def _attempt_in(
        self, transaction: AbstractAsyncContextManager[Transaction], delivery: Delivery
    ) -> Outcome:
        """An attempt whose writes and whose ack are committed together, or neither of them."""
        settlement = self._settlement
        outcome: Outcome = ACK
        try:
            async with transaction as delivery.transaction:
                outcome = await self._attempt(delivery)
                if delivery.decided is not None and not delivery.settled:
                    self._complain_of(delivery, outcome)
                    outcome = delivery.decided
                if outcome is not ACK or delivery.settled or self.dismissed:
                    raise _RolledBack
                await settlement.subscription.ack(delivery.received, delivery.transaction)
            delivery.settled = True
        except _RolledBack:
            pass
        except NotHeld:
            delivery.settled = True
            settlement.lost(delivery.received)
        except Exception as error:  # it could not be committed, so nothing of it was done
            outcome = Nack(None, error)
        return outcome

    async def _conclude(self, delivery: Delivery, outcome: Outcome) -> None:
        if not delivery.settled:
            # What a handler answers after it was cancelled for a dismissal says nothing about its
            # work, not even a success: its message is given back.
            if not self.dismissed:
                await delivery.settle(outcome)
        elif not self._expired:
            self._complain_of(delivery, outcome)

    async def _give_up(self, delivery: Delivery) -> None:
        if delivery.transaction is not None:
            delivery.transaction.abandon()  # else the outcome would wait for it, as others do
        if not delivery.settled:
            await delivery.settle(self._timed_out())

    async def _after_expiry(self) -> Outcome:
        if self._expiry is None:
            assert self.task is not None
            self.task.uncancel()
        else:
            await self._expiry  # an error of the driver's is this worker's
            self._expiry = None
        return self._timed_out()

    async def _go_on(self, task: asyncio.Task[None]) -> None:
        """Take back a cancellation that the handler asked for: only `dismiss` ends a worker.

        Otherwise one message would end its consumer at every attempt, and spend none.
        """
        while task.cancelling():
            task.uncancel()
        with suppress(asyncio.CancelledError):  # asked for, and not thrown yet
            await asyncio.sleep(0)

    def _runs(self) -> bool:
        """False while this coroutine is closed from outside, which no handler can do."""
        try:
            return asyncio.current_task() is self.task
        except RuntimeError:
            return False

    def _timed_out(self) -> Nack:
        assert self._deadlines is not None
        return Nack(None, TimeoutError(f"not done after {self._deadlines.timeout:g} s"))

    def _complain_of(self, delivery: Delivery, outcome: Outcome) -> None:
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
