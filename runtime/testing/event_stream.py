"""EventStream: an answer that goes on, read as it comes."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from runtime.codec import decode
from runtime.testing.answer import Answer
from runtime.testing.refused import Refused


class ReceivedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event, or line, of a stream."""

    data: str
    """What follows `data:`, or the whole line of a stream of lines."""
    event: str | None = None
    id: str | None = None

    def json(self) -> Any:
        """The data as JSON. Raises InvalidJSON, a ValueError."""
        return decode(self.data.encode())


class EventStream:
    """An open stream, closed at the end of its `with` block. Iterate over it for its events.

    Comments and what only sets `retry` are passed over. Each event is waited for no longer than
    `limit` seconds of real time; else TimeoutError says where handlers are.
    """

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        late: Callable[[], str],
        limit: float,
    ) -> None:
        """`connection` has sent its request. Raises Refused for an answer that is no stream."""
        self._connection = connection
        self._late = late
        self._limit = limit
        self._response = connection.getresponse()
        self.status = self._response.status
        self.headers = self._response.msg
        kind = self.headers.get_content_type()
        self._is_lines = kind == "application/x-ndjson"
        if self.status != 200 or not (self._is_lines or kind == "text/event-stream"):
            body = self._response.read()
            raise Refused(Answer(status=self.status, headers=self.headers, body=body))

    def next(self) -> ReceivedEvent:
        """The next event. Raises StopIteration at the end of the stream."""
        fields: dict[str, list[str]] = {}
        while line := self._line():
            if self._is_lines:
                return ReceivedEvent(data=line.rstrip("\n"))
            name, _, value = line.rstrip("\n").partition(":")
            if name:
                fields.setdefault(name, []).append(value.removeprefix(" "))
            elif fields.keys() & {"data", "id"}:
                event, id = (fields.get(each, [None])[-1] for each in ("event", "id"))
                return ReceivedEvent(data="\n".join(fields.get("data", ())), event=event, id=id)
            else:
                fields.clear()
        raise StopIteration

    def __iter__(self) -> Iterator[ReceivedEvent]:
        try:
            while True:
                yield self.next()
        except StopIteration:
            return

    def close(self) -> None:
        """Leave, as a browser does whose page is closed."""
        self._response.close()
        self._connection.close()

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _line(self) -> str:
        try:
            return self._response.readline().decode()
        except TimeoutError:
            raise TimeoutError(f"no event within {self._limit:g} s{self._late()}") from None
