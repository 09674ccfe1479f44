"""Dead letter: a message whose attempts ended, with the story of its end in its headers."""

from __future__ import annotations

from datetime import UTC, datetime

from runtime.codec import escape_surrogates
from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import Reason, Reject, Retry
from runtime.log.traceback import format_traceback

LONGEST_ERROR = 2000
"""Characters of an error's text that a header keeps."""
LONGEST_TRACEBACK = 8000
"""Characters of its traceback, the last ones, where the fault is."""
TRACEBACK = "x_dead_letter_traceback"


def letter(message: Message, queue: str, reason: Reason, error: BaseException | None) -> Message:
    """The message as it goes to the dead letters: the same id, body and headers, and why."""
    headers = dict(message.headers)
    headers.pop(TRACEBACK, None)  # of an earlier death, if somebody published a dead letter again
    headers |= {
        "x_original_queue": queue,
        "x_dead_letter_reason": reason.value,
        "x_dead_letter_error": described(error),
        **_trace(error),
        "x_dead_letter_time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "attempts": str(message.attempt),
    }
    return Message(
        message.id,
        message.body,
        headers,
        published=message.published,
        priority=message.priority,
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
    return escape_surrogates(whole)[:LONGEST_ERROR]


def traced(error: BaseException | None) -> BaseException | None:
    """The error, if its traceback tells more than its text does."""
    if error is None or error.__traceback__ is None or isinstance(error, Retry | Reject):
        return None
    return error


def _trace(error: BaseException | None) -> dict[str, str]:
    fault = traced(error)
    if fault is None:
        return {}
    return {TRACEBACK: escape_surrogates(format_traceback(fault))[-LONGEST_TRACEBACK:]}
