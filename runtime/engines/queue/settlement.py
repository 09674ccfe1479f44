"""Settlement: the one place that acts on outcomes."""

from __future__ import annotations

import logging

from runtime.engines.queue.dead_letter import described, letter, traced
from runtime.engines.queue.driver_queue import NotHeld, Subscription
from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import Ack, Dead, Nack, Outcome, Reason, Retry
from runtime.engines.queue.queue import Queue
from runtime.units import format_duration

log = logging.getLogger("runtime.queue")


class Settlement:
    """Settles what one consumer received, by the rules of its queue, and says so in the log."""

    def __init__(self, queue: Queue, subscription: Subscription, function: str) -> None:
        self.queue = queue
        self.subscription = subscription
        self._function = function

    async def settle(self, message: Message, outcome: Outcome) -> None:
        """Act on an outcome. A hand-out that was lost to somebody else is only logged."""
        try:
            match outcome:
                case Ack():
                    await self.subscription.ack(message)
                case Nack(delay, error) if message.attempt < self.queue.max_attempts:
                    await self._retry(message, delay, error)
                case Nack(_, error):
                    await self._bury(message, Reason.ATTEMPTS, error)
                case Dead(reason, error):
                    await self._bury(message, reason, error)
        except NotHeld:
            self.lost(message)

    def lost(self, message: Message) -> None:
        """Say that the outcome came too late: somebody else has the message by now."""
        text = "%s: message %s was no longer held when attempt %d ended; its outcome is ignored"
        log.warning(text, self._function, message.id, message.attempt, extra=self._extra(message))

    async def _retry(
        self, message: Message, delay: float | None, error: BaseException | None
    ) -> None:
        wait = self.queue.delay(message.attempt) if delay is None else delay
        await self.subscription.retry(message, wait)
        log.log(
            logging.INFO if isinstance(error, Retry) else logging.WARNING,
            "%s failed on attempt %d of %d, next in %s: %s",
            self._function,
            message.attempt,
            self.queue.max_attempts,
            format_duration(wait),
            described(error),
            exc_info=traced(error),
            extra=self._extra(message, next=round(wait, 3)),
        )

    async def _bury(self, message: Message, reason: Reason, error: BaseException | None) -> None:
        to = self.queue.dead_letter
        dead = letter(message, self.queue.id, reason, error)
        await self.subscription.bury(message, dead, to.line if to else None)
        log.error(
            "%s gave up on a message of %s after attempt %d (%s), now in %s: %s",
            self._function,
            self.queue.id,
            message.attempt,
            reason.value,
            to.id if to else "the driver's dead letters",
            described(error),
            exc_info=traced(error),
            extra=self._extra(message, reason=reason.value),
        )

    def _extra(self, message: Message, **fields: object) -> dict[str, object]:
        return {
            "entry": self._function,
            "message_id": message.id,
            "fields": {"attempt": message.attempt, **fields},
        }
