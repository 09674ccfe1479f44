"""Dead letter: a message whose attempts ended, with the story of its end in its headers."""

from __future__ import annotations

from datetime import UTC, datetime

from runtime.messaging.message import Message
from runtime.messaging.outcome import Reason

LONGEST_ERROR = 2000
"""Characters of an error's text that a header keeps."""


def letter(message: Message, queue: str, reason: Reason, error: BaseException | None) -> Message:
    """The message as it goes to the dead letters: the same id, body and headers, and why."""
    return Message(
        message.id,
        message.body,
        {
            **message.headers,
            "x_original_queue": queue,
            "x_dead_letter_reason": reason.value,
            "x_dead_letter_error": described(error),
            "x_dead_letter_time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "attempts": str(message.attempt),
        },
        0,
        message.published,
    )


def described(error: BaseException | None) -> str:
    """`ValueError: no number`, in one bounded piece of valid Unicode, whatever was raised."""
    if error is None:
        return "returned False or was nacked"
    try:
        text = str(error)
    except Exception:  # an exception of the user's with a broken __str__
        text = "(its text cannot be read)"
    whole = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return whole[:LONGEST_ERROR].encode(errors="replace").decode()
