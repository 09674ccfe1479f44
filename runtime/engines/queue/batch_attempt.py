"""BatchAttempt: one batch in the hands of a worker, from its first message to the last outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from runtime.engines.queue.attempt import Attempt, RolledBack
from runtime.engines.queue.batch import Batch, batch_of
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.outcome import ACK, CANCELLED, CRASHED, Ack, Nack, Outcome, Requeue
from runtime.engines.queue.pending_settlements import PendingSettlements
from runtime.engines.queue.settlement import outcome_of_body, outcome_of_result


class BatchAttempt(Attempt):
    """Calls the handler with the bodies of what was gathered.

    A message that cannot be handed out is settled by itself, and the others go on.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.gathered: list[Delivery] = []
        """The messages of the next call, or of the one that runs."""
        self._bodies: list[Any] = []
        self._decode_body = self._decode
        self._decode = lambda _: self._bodies

    @property
    def held(self) -> Sequence[Delivery]:
        return [each for each in self.gathered if not each.settled]

    def _stop_handler(self, delivery: Delivery) -> None:
        if self._is_calling:
            self._log_unstoppable(delivery, "the others of its batch would be too")

    def become(self, other: Attempt) -> None:
        assert isinstance(other, BatchAttempt)

        def decode(body: bytes) -> Any:
            self._take(other)
            self._decode_body = other._decode_body
            return self._decode_body(body)

        self._decode_body = decode

    async def handle_gathered(self) -> None:
        """Have the gathered messages handled, and settled unless this is cancelled."""
        deliveries = await self._hand_out()
        if deliveries:
            self.delivery = batch = batch_of(deliveries, self._settlement)
            began = monotonic()
            outcome = await self.handle(batch)
            if (tally := self._settlement.tally) is not None:
                tally.others.append(monotonic() - began)
            if self.cancelled:
                return
            await self._conclude(batch, outcome)
            self.delivery = None
        self.gathered.clear()

    async def _hand_out(self) -> list[Delivery]:
        """Decode the bodies. Returns the deliveries that have one; the others are settled."""
        self._bodies = []
        deliveries = []
        for delivery in self.gathered:
            if (end := self._decoded(delivery)) is None:
                deliveries.append(delivery)
            else:
                await self._settlement.settle(delivery, end)
        return deliveries

    def _decoded(self, delivery: Delivery) -> Outcome | None:
        """Decode a body. Returns the outcome of a message that is not handed out."""
        message = delivery.message
        if delivery.cancelling:
            return CANCELLED
        if message.attempt > self._queue.max_attempts:
            return CRASHED
        try:
            self._bodies.append(self._decode_body(message.body))
        except Exception as error:
            return outcome_of_body(error)
        return None

    async def _conclude(self, batch: Batch, outcome: Outcome) -> None:
        """Settle what the handler did not, each with its own `nack` or else the outcome of all."""
        unsettled = batch.unsettled
        if not unsettled:
            return self.warn_of_failure(outcome)
        if outcome is ACK and not any(each.decision for each in unsettled):
            return await self._ack_all(unsettled)
        settle = self._settlement.settle
        await asyncio.gather(*(settle(each, each.decision or outcome) for each in unsettled))

    async def _ack_all(self, deliveries: Sequence[Delivery]) -> None:
        """Ack each as `settle` does.

        Without a task for each, which took 4 of the 5 µs that a message of a memory queue cost.
        """
        settlement = self._settlement
        acking = PendingSettlements(settlement.ignore)
        *others, last = deliveries
        try:
            for each in others:
                try:
                    acked = settlement.subscription.ack_nowait(each.message)
                    each.settled = True
                    if acked is not None:
                        acking.add(each, acked)
                except NotHeld:
                    each.settled = True
                    settlement.ignore(each)
            # What was asked for without a wait is written together with what is waited for.
            await settlement.settle(last, ACK)
            await acking.finish()
        except BaseException:  # the driver failed or was interrupted: they may still be held
            for each in acking.unsettled:
                each.settled = False
            raise
        finally:
            for each in others:
                if each.settled and not each.outcome:  # else it is reported
                    settlement.report(each, "ack")

    def _outcome(self, result: Any, delivery: Delivery) -> Outcome:
        return outcome_of_result(result)  # which is not kept: it is of no single message

    async def _handle_in_transaction(self, batch: Delivery) -> Outcome:
        """A call whose writes and acks are committed together, or not at all.

        Messages that the handler nacked are settled after that. If it fails, the acks of those that
        it acked are undone with its writes, unless it settled them all.
        """
        assert isinstance(batch, Batch)
        assert self._transactions is not None
        outcome: Outcome = ACK
        ends: Mapping[Delivery, Ack | Requeue] = {}
        last = batch.deliveries[0]
        try:
            async with self._transactions() as batch.transaction:
                for each in batch.deliveries:
                    each.transaction = batch.transaction
                outcome = await self._call_handler(batch)
                ends = self._ends(batch, outcome)
                for last, end in ends.items():
                    await self._end_in_transaction(last, end)
            for each, end in ends.items():
                self._report_end(each, end)
            return outcome
        except RolledBack:
            pass
        except NotHeld as error:  # somebody else has it, and the writes were for all of them
            last.settled = True
            self._settlement.ignore(last)
            outcome = Nack(None, error)
        except Exception as error:  # the commit failed, so nothing was done
            outcome = Nack(None, error)
        for each in batch.deliveries:
            if not isinstance(each.decision, Nack):
                each.decision = None
        return outcome

    def _ends(self, batch: Batch, outcome: Outcome) -> Mapping[Delivery, Ack | Requeue]:
        """Settlements that are committed, by message. Raises RolledBack if there is nothing."""
        unsettled = batch.unsettled
        undecided = [each for each in unsettled if each.decision is None]
        if self.cancelled or (outcome is not ACK and undecided):
            raise RolledBack
        self._warn_of_failure(batch, outcome)
        decisions = {each: each.decision or ACK for each in unsettled}
        ends = {each: end for each, end in decisions.items() if isinstance(end, Ack | Requeue)}
        if not ends:
            raise RolledBack
        return ends

    async def _settle_expired(self, delivery: Delivery) -> None:
        assert isinstance(delivery, Batch)
        if delivery.transaction is not None:
            delivery.transaction.abandon()  # else the settlements would wait for it
        settle, end = self._settlement.settle, self._timed_out()
        await asyncio.gather(*(settle(each, end) for each in delivery.unsettled))
