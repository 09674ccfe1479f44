"""Error text: what is kept of an error, in headers of dead letters and in the status of a task."""

from __future__ import annotations

from collections.abc import Callable

from runtime.codec import escape_surrogates
from runtime.engines.queue.outcome import Reject, Retry

LONGEST_ERROR = 2000
"""Characters of an error's text that a header keeps."""


def describe(error: BaseException | None, redact: Callable[[str], str] = str) -> str:
    """`ValueError: no number`, of bounded length and valid Unicode, whatever was raised."""
    if error is None:
        return "returned False or was nacked"
    try:
        text = str(error)
    except Exception:  # a user's exception with a broken __str__
        text = "(its text cannot be read)"
    whole = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return redact(escape_surrogates(whole))[:LONGEST_ERROR]


def exc_info(error: BaseException | None) -> BaseException | None:
    """The error, if its traceback says more than its text."""
    if error is None or error.__traceback__ is None or isinstance(error, Retry | Reject):
        return None
    return error
