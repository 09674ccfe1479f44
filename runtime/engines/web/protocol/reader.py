"""Reader: the requests in the bytes that a client sends, read one after the other."""

from __future__ import annotations

from runtime.engines.web.protocol import refusal
from runtime.engines.web.protocol.body import Body, ChunkedBody, LengthBody
from runtime.engines.web.protocol.head import CHUNKED, Head
from runtime.engines.web.protocol.refusal import MAX_HEAD, Refused


class Reader:
    """Keeps the bytes that are not read yet. Each `read…` raises Refused."""

    __slots__ = ("_at", "_fed", "_size", "body", "data", "head")

    def __init__(self) -> None:
        self.head = Head()
        self.body: Body
        """The one that `start_body` began."""
        self.data = b""
        """The input from somewhere before `_at` on; empty once all of it is read."""
        self._at = 0
        """Begin of the data that is not read yet."""
        self._fed = 0
        """Bytes from there on that the head's parser has seen already."""
        self._size = 0
        """Bytes of the last head."""

    def __len__(self) -> int:
        """Bytes that are not read yet."""
        return len(self.data) - self._at

    @property
    def rest(self) -> bytes:
        """Received, and not read yet."""
        return self.data[self._at :]

    def feed(self, data: bytes) -> None:
        self.data = self.data[self._at :] + data if self.data else data
        self._at = 0

    def startswith(self, prefix: bytes) -> bool:
        return self.data.startswith(prefix, self._at)

    def close(self) -> None:
        """Forget everything."""
        self.head.restart()  # the parser would keep it alive
        self.data, self._at, self._fed = b"", 0, 0

    def read_head(self) -> bool:
        """Read `head`; false if more of it is to come."""
        data, at = self.data, self._at
        if not self._fed and data[at] in b"\r\n":  # blank lines in front of a request
            data, at = data[at:].lstrip(b"\r\n"), 0
            self.data, self._at = data, at
        end = data.find(b"\r\n\r\n", at + max(0, self._fed - 3)) + 4
        is_whole = end > 3
        size = (end if is_whole else len(data)) - at
        if size > MAX_HEAD:
            is_line = data.find(b"\r\n", at, at + MAX_HEAD) < 0
            raise Refused(refusal.LONG_TARGET if is_line else refusal.LARGE_HEAD)
        if size > self._fed:
            self.head.feed(data[at + self._fed : at + size])
        if is_whole:
            self.head.finish(data[at:end])
            self._fed, self._size = 0, size
            self._go_on_at(end)
        elif self.head.is_complete:
            self.head.finish(data[at:])
            raise Refused(refusal.NOT_HTTP)
        else:
            self._fed = size
        return is_whole

    def start_body(self) -> None:
        """Begin with the body of the last head, if that announces one."""
        length = self.head.length
        chunked = length == CHUNKED
        self.body = ChunkedBody(MAX_HEAD - self._size) if chunked else LengthBody(length)

    def read_body(self) -> bytes:
        """Read what there is of the body, which may be nothing."""
        piece, at = self.body.read(self.data, self._at)
        self.head.skip(piece)
        self._go_on_at(at)
        return piece

    def _go_on_at(self, at: int) -> None:
        if at == len(self.data):
            self.data, self._at = b"", 0
        else:
            self._at = at
