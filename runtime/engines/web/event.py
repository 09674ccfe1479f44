"""Event: one server-sent event, and the two ways in which a stream writes its values."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from runtime import codec

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_BREAKS = re.compile(r"[\r\n\0]")


class Event(msgspec.Struct, frozen=True):
    """A server-sent event with more than its data.

    `data` is sent as JSON, `bytes` as the text that they are in UTF-8. `event` is its type, in a
    browser `message` if there is none; `id` is what a client that returns sends as `Last-Event-ID`;
    `retry` is the number of milliseconds after which it does. Without `data` the client learns of
    `id` and `retry`, and no event is dispatched.
    """

    data: Any = msgspec.UNSET
    event: str | None = None
    id: str | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for what would end a line, TypeError for a value of another type."""
        for name, value in (("event", self.event), ("id", self.id)):
            if value is not None and not isinstance(value, str):
                raise TypeError(f"'{name}' of an event is text, not {type(value).__name__}")
            if value is not None and _BREAKS.search(value):
                raise ValueError(f"'{name}' of an event has a line break: {value!r}")
        if self.retry is not None and (type(self.retry) is not int or self.retry < 0):
            raise ValueError(f"'retry' of an event is in milliseconds, not {self.retry!r}")


def encode_event(value: Any) -> bytes:
    """A value, or an Event, as the block of an event stream. Raises codec.NotJSON."""
    if not isinstance(value, Event):
        return b"data: %b\n\n" % codec.encode_response(value)
    lines = []
    if value.event is not None:
        lines.append(f"event: {value.event}")
    if value.id is not None:
        lines.append(f"id: {value.id}")
    if value.retry is not None:
        lines.append(f"retry: {value.retry}")
    if value.data is not msgspec.UNSET:
        is_text = isinstance(value.data, bytes)
        data = value.data if is_text else codec.encode_response(value.data)
        lines += [f"data: {line}" for line in _LINE_ENDS.split(data.decode())]
    return "".join(f"{line}\n" for line in (*lines, "")).encode()


def encode_line(value: Any) -> bytes:
    """A value as a line of JSON. Raises codec.NotJSON, and TypeError for an Event."""
    if isinstance(value, Event):
        raise TypeError("an http.Event is for 'answer: sse'; yield its data")
    return b"%b\n" % codec.encode_response(value)
