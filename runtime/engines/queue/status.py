"""Status: what has become of a message, for whoever published it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from runtime.codec import decode_trusted
from runtime.engines.queue.dead_letter import ATTEMPTS, ERROR, TIME
from runtime.engines.queue.message import NO_HEADERS

LONGEST_TEXT = 500
"""Characters of a progress's text that are kept."""


class UnknownMessage(LookupError):
    """A queue knows no such message: it never had it, or has forgotten it after its end."""

    http_status = 404


class Progress(msgspec.Struct, frozen=True):
    """The part of its work that a handler has done, as it says itself."""

    part: float
    """From 0 to 1."""
    text: str | None = None


class TaskError(msgspec.Struct, frozen=True):
    """The error of the last attempt that failed."""

    type: str
    text: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a message, for whoever published it. Times are in UTC."""

    id: str
    status: str
    """`queued`, `running`, `retrying` (waiting after an attempt that failed), `done`, `dead` or
    `cancelled`."""
    attempt: int
    """The number of attempts begun so far."""
    max_attempts: int
    published: datetime
    started: datetime | None = None
    """The begin of the latest attempt."""
    next: datetime | None = None
    """The time before which it is not delivered, if it waits for one."""
    ended: datetime | None = None
    progress: Progress | None = None
    error: TaskError | None = None
    result: Any = None
    """The value that its handler returned, while `retention` keeps it."""
    cancelling: bool = False
    """True if it is to be cancelled, and its handler has not ended yet."""


FINAL = frozenset({"done", "dead", "cancelled"})
"""The values of `status` that are no longer left, unless a dead letter is requeued."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A message as its driver finds it. Times are seconds since 1970."""

    id: str
    state: str
    """`ready`, `delayed`, `running`, `done`, `dead` or `cancelled`."""
    attempt: int
    published: float
    started: float | None = None
    due: float | None = None
    """Of a delayed message."""
    ended: float | None = None
    progress: str | None = None
    """As `encode_progress` gives it."""
    error: str | None = None
    """As `ValueError: no number`. That of a dead letter is in its headers, with its `attempts`."""
    headers: Mapping[str, str] = NO_HEADERS
    result: bytes | None = None
    """One JSON document."""
    cancelling: bool = False


def status_of(record: Record, max_attempts: int) -> Status:
    """The status that a record means, in a queue with so many attempts."""
    state = record.state
    if state == "dead":
        return _of_letter(record, max_attempts)
    if state in ("ready", "delayed"):
        state = "retrying" if record.attempt else "queued"
    return Status(
        id=record.id,
        status=state,
        attempt=record.attempt,
        max_attempts=max_attempts,
        published=_utc(record.published),
        started=None if record.started is None else _utc(record.started),
        next=None if record.due is None else _utc(record.due),
        ended=None if record.ended is None else _utc(record.ended),
        progress=decode_progress(record.progress),
        error=None if state == "done" else _error(record.error),
        result=None if record.result is None else decode_trusted(record.result),
        cancelling=record.cancelling and state == "running",
    )


def _of_letter(record: Record, max_attempts: int) -> Status:
    attempts, time = record.headers.get(ATTEMPTS, ""), record.headers.get(TIME)
    return Status(
        id=record.id,
        status="dead",
        attempt=int(attempts) if attempts.isdecimal() else record.attempt,
        max_attempts=max_attempts,
        published=_utc(record.published),
        started=None if record.started is None else _utc(record.started),
        ended=None if time is None else datetime.fromisoformat(time),
        progress=decode_progress(record.progress),
        error=_error(record.headers.get(ERROR)),
    )


def check_progress(part: float, text: str | None) -> str:
    """A progress as its text. Raises TypeError and ValueError."""
    if isinstance(part, bool) or not isinstance(part, int | float):
        raise TypeError(f"'part' is of type {type(part).__name__}, not a number from 0 to 1")
    if not 0 <= part <= 1:
        raise ValueError(f"'part' is {part}, not from 0 to 1")
    if text is not None and not isinstance(text, str):
        raise TypeError(f"'text' is of type {type(text).__name__}, not str")
    short = None if text is None else text[:LONGEST_TEXT].encode("utf-8", "replace").decode()
    return msgspec.json.encode(Progress(float(part), short)).decode()


def decode_progress(progress: str | None) -> Progress | None:
    """The progress of a text; None of none."""
    return None if progress is None else msgspec.json.decode(progress, type=Progress)


def _error(text: str | None) -> TaskError | None:
    if text is None:
        return None
    kind, _, rest = text.partition(": ")
    return TaskError(kind, rest) if kind.isidentifier() else TaskError("", text)


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
