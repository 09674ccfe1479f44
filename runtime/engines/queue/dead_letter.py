"""Dead letter: a message that is not delivered again until somebody requeues it."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import Reject

ORIGIN = "x_original_queue"
REASON = "x_dead_letter_reason"
ERROR = "x_dead_letter_error"
TRACEBACK = "x_dead_letter_traceback"
TIME = "x_dead_letter_time"
UNIQUE = "x_dead_letter_unique"
"""The unique key of the message, which a dead letter does not occupy."""
ATTEMPTS = "attempts"
HEADERS = frozenset({ORIGIN, REASON, ERROR, TRACEBACK, TIME, UNIQUE, ATTEMPTS})
"""The headers that a death adds, and that a requeue takes away."""
REQUEUED = "x_requeued"
"""The number of times that a message was requeued after its death."""


class NoDeadLetter(LookupError):
    """A queue has no such dead letter, or a consumer has it in hand."""

    http_status = 404


class RequeuedTooOften(Reject):
    """A dead letter was requeued as often as `dead_letter.max_requeues` of its queue allows.

    Raised in a consumer of dead letters, it ends the loop of requeueing and dying: the letter is
    rejected.
    """

    http_status = 409


def requeues(headers: Mapping[str, str]) -> int:
    """The number of times that the message with these headers was requeued."""
    count = headers.get(REQUEUED, "0")
    return int(count) if count.isdecimal() and len(count) < 10 else 0


def requeued(letter: Message, queue: str, limit: int) -> Message:
    """The message of a dead letter, for a new delivery in the queue of that id.

    Its attempts start again; it has the unique key that it had. Raises RequeuedTooOften.
    """
    count = requeues(letter.headers)
    if count >= limit:
        raise RequeuedTooOften(
            f"message '{letter.id}' was requeued {count} times and died each time; "
            f"'dead_letter.max_requeues' of '{queue}' is {limit}"
        )
    headers = {name: value for name, value in letter.headers.items() if name not in HEADERS}
    headers[REQUEUED] = str(count + 1)
    return Message(
        letter.id,
        letter.body,
        headers,
        published=letter.published,
        priority=letter.priority,
        unique=letter.unique or letter.headers.get(UNIQUE) or None,
    )
