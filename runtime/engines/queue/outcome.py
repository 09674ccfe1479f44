"""Outcome: the possible ends of an attempt, and what handlers raise to choose one."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from runtime.engines.queue.delay import seconds
from runtime.engines.queue.message import Message

if TYPE_CHECKING:
    from runtime.engines.queue.queue import Queue


class Retry(Exception):
    """Raised by a handler: deliver the message again, `after` a delay if one is given (seconds, or
    a text such as `30s`), else after the delay of the queue's `retry`. Spends an attempt.
    """

    def __init__(self, after: float | str | None = None) -> None:
        super().__init__("try again" if after is None else f"try again after {after}")
        self.delay = None if after is None else seconds(after)

    def __reduce__(self) -> tuple[type[Retry], tuple[float | None]]:
        return type(self), (self.delay,)  # its text is no delay


class Reject(Exception):
    """Raised by a handler: another attempt would not help, the message is dead at once."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)


class Unsettled(Exception):
    """The error of a message that was delivered and never settled, since its program crashed."""


class AlreadySettled(RuntimeError):
    """The delivery was acked, nacked or timed out before, or its handler has ended."""


class Reason(StrEnum):
    """The cause of a message's death."""

    REJECTED = "rejected"
    ATTEMPTS = "attempts"
    CRASHED = "crashed"
    INVALID = "invalid"


class Ack(msgspec.Struct, frozen=True):
    """The attempt succeeded; `result` is what it returned, if that is to be kept: JSON."""

    result: bytes | None = None


class Cancelled(msgspec.Struct, frozen=True):
    """The message was cancelled, and its handler has ended."""


class Nack(msgspec.Struct, frozen=True):
    """The attempt failed: redeliver after `delay` seconds, None for the queue's `retry`, unless it
    was the last attempt.
    """

    delay: float | None = None
    error: BaseException | None = None


class Dead(msgspec.Struct, frozen=True):
    """The message is not delivered again."""

    reason: Reason
    error: BaseException | None = None


class Requeue(msgspec.Struct, frozen=True):
    """The message is a dead letter, and goes back to the queue where it died as `again`."""

    to: Queue
    again: Message


Outcome = Ack | Nack | Dead | Requeue | Cancelled

ACK = Ack()
CANCELLED = Cancelled()
NACK = Nack()
"""The outcome of a handler that returned False."""
CRASHED = Dead(Reason.CRASHED, Unsettled("delivered, and never settled"))
"""The outcome of a message that was delivered once more than it has attempts."""
