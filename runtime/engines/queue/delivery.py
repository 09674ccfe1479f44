"""Delivery: one message in the hands of a handler, to be settled once."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from runtime.engines.queue.delay import seconds
from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import ACK, Nack, Outcome
from runtime.engines.queue.settlement import Settlement
from runtime.engines.sql.contract import Transaction


class AlreadySettled(RuntimeError):
    """A delivery was acked, nacked or timed out before, or its handler has ended."""


class Delivery(msgspec.Struct, eq=False):  # a Struct is made in half the time of a class
    """What `queue.message()` gives.

    The first settlement wins: an `ack()` or `nack()` by the handler over what it returns. With a
    `transaction`, in which the message is settled, it is decided at once and done at the end.
    """

    received: Message
    settlement: Settlement
    settled: bool = False
    transaction: Transaction | None = None
    """The consumer's, for this message: what is written in it is committed with the ack."""
    decided: Outcome | None = None

    @property
    def id(self) -> str:
        return self.received.id

    @property
    def log_ids(self) -> Mapping[str, object]:
        return {"message_id": self.received.id}

    @property
    def headers(self) -> dict[str, str]:
        """A copy of its own."""
        return dict(self.received.headers)

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self.received.attempt

    async def ack(self) -> None:
        """Done: the message is forgotten, whatever the handler does next."""
        await self._decide(ACK)

    async def nack(self, delay: float | str | None = None) -> None:
        """Failed: the message comes again after `delay`, or when the queue's `retry` says."""
        await self._decide(Nack(None if delay is None else seconds(delay)))

    async def _decide(self, outcome: Outcome) -> None:
        if self.transaction is None:
            return await self.settle(outcome)
        if self.settled or self.decided is not None:
            raise AlreadySettled(f"message '{self.id}' is settled already")
        self.decided = outcome

    async def settle(self, outcome: Outcome) -> None:
        """Settle it now. Raises AlreadySettled."""
        if self.settled:
            raise AlreadySettled(f"message '{self.id}' is settled already")
        self.settled = True
        try:
            await self.settlement.settle(self.received, outcome)
        except BaseException:
            self.settled = False  # the driver failed, or was interrupted: it may still be held
            raise
