"""CycleFastPath: reads and answers a request of uvicorn in one step each."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Headers = list[tuple[bytes, bytes]]

_FRAMING = frozenset({b"connection", b"transfer-encoding"})
_LARGE = 64 * 1024
"""Bytes above which copying a body costs more than a second write."""


def encode_response(status: int, headers: Headers, body: bytes) -> bytes:
    """Encode a complete response for the wire."""
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])


class CycleFastPath:
    """The `FastPath` of a request-response cycle, which it leaves as the cycle itself would.

    It saves the second write of a response, and the check of every header in `send`.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def read_body(self) -> bytes | None:
        """Consume the body, if it has been received completely."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue:
            return None
        cycle.flow.resume_reading()
        cycle.message_event.clear()
        body, cycle.body = bytes(cycle.body), bytearray()
        return body

    def send_response(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a complete response; False if nothing was sent.

        `headers` must be well-formed and have the content length.
        """
        cycle = self._cycle
        if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
            return False
        if len(body) > _LARGE or not _FRAMING.isdisjoint([name for name, _ in headers]):
            return False
        headers = cycle.default_headers + headers
        if not cycle.keep_alive:
            headers.append((b"connection", b"close"))
        cycle.transport.write(
            encode_response(status, headers, b"" if cycle.scope["method"] == "HEAD" else body)
        )
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True
