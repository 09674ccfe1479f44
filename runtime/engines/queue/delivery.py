"""Delivery: one message in the hands of a handler, to be settled once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.engines.queue.dead_letter import ORIGIN, NoDeadLetter, requeued
from runtime.engines.queue.delay import seconds
from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import ACK, AlreadySettled, Nack, Outcome, Requeue
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.result import ack_with
from runtime.engines.queue.settlement import Settlement
from runtime.engines.queue.status import check_progress
from runtime.engines.sql.contract import Transaction
from runtime.handlers import context


class Delivery(msgspec.Struct, eq=False):  # a Struct is made in half the time of a class
    """The value of `queue.message()`.

    The first settlement wins: an `ack()` or `nack()` of the handler takes precedence over its
    result. In a `transaction`, they are carried out when the handler ends.
    """

    message: Message
    settlement: Settlement
    settled: bool = False
    transaction: Transaction | None = None
    """The consumer's transaction for this message: it commits the handler's writes and the ack."""
    decision: Outcome | None = None
    """The handler's own `ack()` or `nack()` in a transaction, until it is carried out."""
    outcome: str = ""
    """For telemetry, the end of the delivery: see `Settlement.report`."""
    failed: bool = False
    """For telemetry: the attempt failed, and its handler did not ask for another one."""
    cancelling: bool = False
    """True once somebody wants the message no more, while it is in hand."""

    @property
    def id(self) -> str:
        return self.message.id

    @property
    def headers(self) -> dict[str, str]:
        """A copy for the caller."""
        return dict(self.message.headers)

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.message.attempt

    @property
    def max_attempts(self) -> int:
        """The number of attempts that the queue allows."""
        return self.settlement.queue.max_attempts

    @property
    def last_attempt(self) -> bool:
        """True if the message is dead should this attempt fail."""
        return self.message.attempt >= self.settlement.queue.max_attempts

    @property
    def cancelled(self) -> bool:
        """True if somebody has cancelled the message. An `async def` ends by that at its next
        `await`; a plain `def` has to look, and may return or raise.
        """
        return self.cancelling

    def progress(self, part: float, text: str | None = None) -> None:
        """Tell how far the handler has come, from 0 to 1, for `queue.status`. It costs little: what
        is told twice within half a second is written once. Not awaited.
        """
        told = check_progress(part, text)
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # a thread of its own
            loop = context.call().scope.loop
            if loop is not None:
                loop.call_soon_threadsafe(self.settlement.tell_progress, self, told)
            return
        self.settlement.tell_progress(self, told)

    @property
    def log_ids(self) -> Mapping[str, object]:
        """Fields that identify the message in the log lines of its handler."""
        return {"message_id": self.message.id}

    has_client = False

    def become_async(self) -> None:
        """Nothing to do: a handler is called with the body, which has nothing to await."""

    async def ack(self, result: Any = None) -> None:
        """Mark the message as done, whatever the handler does next. A `result` is kept as one that
        a handler returns. Raises AlreadySettled.
        """
        await self._decide(ack_with(result, self))

    async def nack(self, delay: float | str | None = None) -> None:
        """Mark the attempt as failed: the message is redelivered after `delay`, or after the delay
        of the queue's `retry`. Raises AlreadySettled.
        """
        await self._decide(Nack(None if delay is None else seconds(delay)))

    async def requeue(self, to: Queue) -> None:
        """Give a dead letter back to the queue where it died: see `runtime.modules.queue`."""
        self._check_origin(to, "take it back")
        again = requeued(self.message, to.id, to.max_requeues)
        try:
            await self._decide(Requeue(to, again))
        except Full as error:
            raise to.full(error) from None

    async def drop(self, origin: Queue) -> None:
        """Delete a dead letter of the queue where it died: see `runtime.modules.queue`."""
        self._check_origin(origin, "drop it")
        await self._decide(ACK)

    def _check_origin(self, queue: Queue, action: str) -> None:
        origin = self.message.headers.get(ORIGIN)
        if origin != queue.id:
            died = f"died in '{origin}'" if origin else "is no dead letter"
            raise NoDeadLetter(f"message '{self.id}' {died}, so '{queue.id}' does not {action}")

    async def _decide(self, outcome: Outcome) -> None:
        if self.transaction is None:
            return await self.settlement.settle(self, outcome)
        if self.settled or self.decision is not None:
            raise AlreadySettled(f"message '{self.id}' is settled already")
        self.decision = outcome
