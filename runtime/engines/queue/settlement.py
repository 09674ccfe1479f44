"""Settlement: the one place that acts on the outcome of an attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from runtime.codec import escape_surrogates
from runtime.engines.queue import dead_letter as names
from runtime.engines.queue.body import InvalidBody
from runtime.engines.queue.driver_queue import NotHeld, Subscription
from runtime.engines.queue.error_text import describe, exc_info
from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import (
    ACK,
    NACK,
    Ack,
    AlreadySettled,
    Cancelled,
    Dead,
    Nack,
    Outcome,
    Reason,
    Reject,
    Requeue,
    Retry,
)
from runtime.engines.queue.progress import Progressing
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.tally import Tally
from runtime.engines.queue.tracked_queue import TrackedQueue, TrackedSubscription
from runtime.handlers.fork import ParentOnly, on_fork
from runtime.log.traceback import format_traceback
from runtime.loggers import logger
from runtime.telemetry import Telemetry
from runtime.units import format_duration

if TYPE_CHECKING:
    from runtime.engines.queue.delivery import Delivery

log = logger("runtime.queue")

LONGEST_TRACEBACK = 8000
"""Characters of its traceback that a header keeps: the last ones, which show the fault."""


_FAILED = frozenset({"retry", "dead", "lost"})


class Settlement:
    """Settles the messages of one consumer by the rules of its queue, and logs what failed."""

    def __init__(
        self,
        queue: Queue,
        subscription: Subscription,
        function: str,
        time: Callable[[], float],
        telemetry: Telemetry,
        redact: Callable[[str], str] = str,
        tally: Tally | None = None,
    ) -> None:
        """`function` is the name of the consumer's function in logs; `time` gives seconds since
        1970; `redact` takes secrets out of what a dead letter says of its error.
        """
        self.queue = queue
        self.subscription = subscription
        self.function = function
        self.tracked = queue.driver_queue if isinstance(queue.driver_queue, TrackedQueue) else None
        self._time = time
        self._telemetry = telemetry
        self._redact = redact
        self.tally = tally
        on_fork(self._leave_to_parent)

    async def settle(self, delivery: Delivery, outcome: Outcome, *, soon: bool = True) -> None:
        """Act on the outcome of a delivery. Logs, and changes nothing, if the message is no longer
        held. Raises AlreadySettled, and what the driver raises; then the delivery is not settled.
        If nobody waits for it (`soon` is false), it may take a moment longer.
        """
        if delivery.settled:
            raise AlreadySettled(f"message '{delivery.id}' is settled already")
        delivery.settled = True
        message = delivery.message
        try:
            match outcome:
                case Ack(result) if result is not None:
                    await self._tracked().finish(message, result)
                    self.report(delivery, "ack")
                case Cancelled():
                    await self._cancel(delivery)
                case Nack() if delivery.cancelling:
                    await self._cancel(delivery)
                case Ack():
                    if soon:
                        await self.subscription.ack(message)
                    elif (acked := self.subscription.ack_nowait(message)) is not None:
                        await acked
                    self.report(delivery, "ack")
                case Nack(delay, error) if message.attempt < self.queue.max_attempts:
                    await self._retry(delivery, delay, error)
                case Nack(_, error):
                    await self._bury(delivery, Reason.ATTEMPTS, error)
                case Requeue(to, again):
                    await self.subscription.requeue(message, again, to.driver_queue)
                    self.report(delivery, "requeue")
                case Dead(reason, error):
                    await self._bury(delivery, reason, error)
        except NotHeld:
            self.ignore(delivery)
        except BaseException:
            delivery.settled = False  # the driver failed or was interrupted: it may still be held
            raise

    def ignore(self, delivery: Delivery) -> None:
        """Log that the message was reassigned before its attempt ended."""
        message = delivery.message
        text = "%s: message %s was no longer held when attempt %d ended; its outcome is ignored"
        log.warning(text, self.function, message.id, message.attempt, extra=self._extra(message))
        self.report(delivery, "lost")

    def report(self, delivery: Delivery, outcome: str, **fields: object) -> None:
        """Tell telemetry that a delivery ended: `ack`, `retry`, `dead`, `requeue`, `cancelled` or
        `lost`; of `retry` and `dead` also the `error`, None if the handler returned False or
        nacked.
        """
        if self.tally is not None:
            self.tally.outcomes[str(fields.get("reason", outcome))] += 1
        delivery.outcome = outcome
        delivery.failed = outcome in _FAILED and not isinstance(fields.get("error"), Retry)
        if self._telemetry.listener is not None:
            self._telemetry.event(
                "message.settled",
                self.queue.id,
                outcome=outcome,
                message_id=delivery.id,
                attempt=delivery.attempt,
                function=self.function,
                **fields,
            )

    def _leave_to_parent(self) -> None:
        self.subscription = cast("Subscription", ParentOnly(f"a message of '{self.queue.id}'"))

    def tell_progress(self, delivery: Delivery, progress: str) -> None:
        """Have the progress of a message written, unless its driver keeps none. On the loop."""
        if delivery.settled or not isinstance(self.subscription, TrackedSubscription):
            return
        if self.queue.progressing is None:
            self.queue.progressing = Progressing(self.queue.clock)
        self.subscription.unwritten = self.queue.progressing.unwritten
        self.queue.progressing.tell(delivery.message, self.subscription, progress)

    def _tracked(self) -> TrackedSubscription:
        assert isinstance(self.subscription, TrackedSubscription)
        return self.subscription

    async def _cancel(self, delivery: Delivery) -> None:
        message = delivery.message
        await self._tracked().cancel(message)
        text = "%s: message %s was cancelled on attempt %d"
        log.info(text, self.function, message.id, message.attempt, extra=self._extra(message))
        self.report(delivery, "cancelled")

    async def _retry(
        self, delivery: Delivery, delay: float | None, error: BaseException | None
    ) -> None:
        message = delivery.message
        wait = self.queue.retry.delay(message.attempt) if delay is None else delay
        reason = describe(error, self._redact)
        if self.queue.progressing is not None:
            self.queue.progressing.forget(message)
        await self.subscription.retry(message, wait, reason)
        log.log(
            logging.INFO if isinstance(error, Retry) else logging.WARNING,
            "%s failed on attempt %d of %d, next in %s: %s",
            self.function,
            message.attempt,
            self.queue.max_attempts,
            format_duration(wait),
            reason,
            exc_info=exc_info(error),
            extra=self._extra(message, next=round(wait, 3)),
        )
        self.report(delivery, "retry", delay=wait, error=error)

    async def _bury(self, delivery: Delivery, reason: Reason, error: BaseException | None) -> None:
        message, to = delivery.message, self.queue.dead_letter
        letter = dead_letter(message, self.queue.id, reason, error, self._time(), self._redact)
        await self.subscription.bury(message, letter, to.driver_queue if to else None)
        log.error(
            "%s gave up on a message of %s after attempt %d (%s), now in %s: %s",
            self.function,
            self.queue.id,
            message.attempt,
            reason.value,
            to.id if to else "the driver's dead letters",
            describe(error, self._redact),
            exc_info=exc_info(error),
            extra=self._extra(message, reason=reason.value),
        )
        self.report(delivery, "dead", reason=reason.value, error=error)

    def _extra(self, message: Message, **fields: object) -> dict[str, object]:
        return {
            "entry": self.function,
            "message_id": message.id,
            "fields": {"attempt": message.attempt, **fields},
        }


def outcome_of(error: BaseException) -> Outcome:
    """The outcome of a handler that raised."""
    match error:
        case Reject():
            return Dead(Reason.REJECTED, error)
        case Retry():
            return Nack(error.delay, error)
        case _:
            return Nack(None, error)


def outcome_of_result(result: object) -> Outcome:
    """The outcome of a handler that returned a value.

    An exception that is returned counts as raised, also as a class: `return queue.Reject`.
    """
    if result is False:
        return NACK
    if isinstance(result, BaseException):
        return outcome_of(result)
    if isinstance(result, type) and issubclass(result, BaseException):
        try:
            return outcome_of(result())
        except Exception as error:  # it takes arguments, which `raise` would have complained of
            return outcome_of(error)
    return ACK


def outcome_of_body(error: Exception) -> Outcome:
    """The outcome of a message whose body could not be decoded."""
    if isinstance(error, InvalidBody):
        return Dead(Reason.INVALID, error.with_traceback(None))
    if isinstance(error, ValueError | RecursionError):
        return Dead(Reason.INVALID, error)
    return Nack(None, error)  # an error of the class that the body is made of


def dead_letter(
    message: Message,
    queue: str,
    reason: Reason,
    error: BaseException | None,
    time: float,
    redact: Callable[[str], str] = str,
) -> Message:
    """The dead letter of a message: its id, body and headers, and further headers that say why.

    `queue` is the id of the queue where it died, `time` is in seconds since 1970.
    """
    # Without those of an earlier death: a dead letter may be published again, or die itself.
    headers = {name: value for name, value in message.headers.items() if name not in names.HEADERS}
    headers |= {
        names.ORIGIN: queue,
        names.REASON: reason.value,
        names.ERROR: describe(error, redact),
        **_traceback(error, redact),
        names.TIME: datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds"),
        names.ATTEMPTS: str(message.attempt),
    }
    if message.unique is not None:
        headers[names.UNIQUE] = message.unique
    return Message(
        message.id,
        message.body,
        headers,
        published=message.published,
        priority=message.priority,
        died_in=queue,
    )


def _traceback(error: BaseException | None, redact: Callable[[str], str]) -> dict[str, str]:
    fault = exc_info(error)
    if fault is None:
        return {}
    text = redact(escape_surrogates(format_traceback(fault)))
    return {names.TRACEBACK: text[-LONGEST_TRACEBACK:]}
