"""Outcome: what a handler's answer means for its message, decided once."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from runtime.engines.queue.delay import seconds


class Retry(Exception):
    """Raised by a handler: try again, after `after` if given (seconds, or a text such as `30s`),
    else when the queue's `retry` says. Spends an attempt.
    """

    def __init__(self, after: float | str | None = None) -> None:
        super().__init__("try again" if after is None else f"try again after {after}")
        self.delay = None if after is None else seconds(after)


class Reject(Exception):
    """Raised by a handler: no further attempt would help; to the dead letters at once."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)


class Unsettled(Exception):
    """A hand-out of which nobody ever heard: its program crashed."""


class Reason(StrEnum):
    """Why a message is dead."""

    REJECTED = "rejected"
    ATTEMPTS = "attempts"
    CRASHED = "crashed"
    INVALID = "invalid"


class Ack(msgspec.Struct, frozen=True):
    """Done."""


class Nack(msgspec.Struct, frozen=True):
    """Failed: again after `delay` seconds, or None for the queue's policy, if attempts are left."""

    delay: float | None = None
    error: BaseException | None = None


class Dead(msgspec.Struct, frozen=True):
    """Failed for good."""

    reason: Reason
    error: BaseException | None = None


Outcome = Ack | Nack | Dead

ACK = Ack()
NACK = Nack()
"""What a returned False means; any other value is an ACK."""


def of_error(error: BaseException) -> Outcome:
    """What a raised exception means."""
    match error:
        case Reject():
            return Dead(Reason.REJECTED, error)
        case Retry():
            return Nack(error.delay, error)
        case _:
            return Nack(None, error)
