"""Frames: the WebSocket protocol on a connection, parsed and written by the library."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from runtime.engines.web.protocol.deadlines import Deadlines
from runtime.engines.web.protocol.flow import HIGH_WATER, Flow
from runtime.engines.web.protocol.output import LINGER, Output
from runtime.engines.web.websocket.websocket import Disconnected, End
from runtime.loggers import logger

_GONE = 1006
_PIECE = 4096
"""Bytes that are parsed at once: a message may have six, so more than `backlog` may wait."""
_MAX_REASON = 123
_log = logger("runtime.websockets")
_log.setLevel(logging.ERROR)  # the library tells of every connection


class Frames(asyncio.Protocol):
    """The messages of one client, few of which wait to be received: then it is read no further.

    Without an answer to a ping, and nothing else from the client either, the connection ends.
    """

    transport: asyncio.Transport
    deadlines: Deadlines

    def __init__(self, *, max_message: int, backlog: int, ping: float) -> None:
        """Messages are of up to `max_message` bytes; a ping is sent each `ping` seconds."""
        self.end: End | None = None
        self.was_read = False
        """True once a message was waited for."""
        self.ended = asyncio.Event()
        """Set with `end`."""
        self.over = asyncio.Event()
        """Set once there is nothing more to send, and nothing to wait for."""
        self._wire = ServerProtocol(state=OPEN, max_size=max_message, logger=_log)
        self._backlog = backlog
        self._ping = ping
        self._has_pinged = False
        self._unparsed = b""
        self._at = 0
        self._part = bytearray()
        self._is_text = False
        self._messages: deque[str | bytes] = deque()
        self._waiting = 0
        """Bytes of the messages that wait."""
        self._news = asyncio.Event()

    def take_over(
        self,
        transport: asyncio.Transport,
        flow: Flow,
        output: Output,
        deadlines: Deadlines,
        leave: Callable[[], None],
        ahead: bytes,
    ) -> None:
        self.transport = transport
        self.deadlines = deadlines
        self._flow = flow
        self._output = output
        self._leave = leave
        transport.set_protocol(self)
        deadlines.expect_input(self._ping)
        self.data_received(ahead)

    # Called by the transport.

    def data_received(self, data: bytes) -> None:
        if self.over.is_set():
            return
        self._has_pinged = False
        self._unparsed = self._unparsed[self._at :] + data if self._unparsed else data
        self._at = 0
        self._parse()

    def eof_received(self) -> bool:
        return False  # the transport closes: without a close frame, the client has just gone

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(End(_GONE))
        self._output.detach()
        self.deadlines.clear()
        self._unparsed = b""
        self.over.set()
        self._wire.parser.close()  # else a cycle is left to the collector, as by `_leave`
        self._leave()
        del self._leave

    def pause_writing(self) -> None:
        self._flow.pause_writing()
        self._output.expect()

    def resume_writing(self) -> None:
        self._flow.resume_writing()
        self._output.resume()
        self._parse()

    # Called by the server.

    def expire(self, now: float) -> None:
        if self._output.expire(now) or self.deadlines.input > now:
            return
        if self.end is not None:
            self._output.shut()
        elif self._has_pinged and not self._flow.read_paused:
            self._end(End(_GONE, "no answer to a ping"))
            self._wire.fail(1011, "no answer to a ping")
            self._flush()
        else:
            self._has_pinged = True
            self._wire.send_ping(b"")
            self._flush()
            self.deadlines.expect_input(self._ping)

    def shutdown(self) -> None:
        """Do nothing: whoever answers the request closes it."""

    # Called by the handler.

    async def receive(self) -> str | bytes | None:
        self.was_read = True
        while not self._messages:
            if self.end is not None:
                return None
            self._news.clear()
            await self._news.wait()
        message = self._messages.popleft()
        self._waiting -= len(message)
        self._parse()
        return message

    async def send(self, message: str | bytes) -> None:
        while self._flow.write_paused and self.end is None:
            await self._flow.drain()
        if self.end is not None:
            raise Disconnected(self.end)
        if isinstance(message, str):
            self._wire.send_text(message.encode())
        else:
            self._wire.send_binary(message)
        self._flush()

    def close(self, code: int, reason: str) -> None:
        if self.end is not None:
            return
        try:
            self._wire.send_close(code, _cut(reason))
        except ProtocolError as error:
            raise ValueError(f"{code} is no code to close with: {error}") from None
        self._end(End(code, reason))
        self.deadlines.expect_input(LINGER)
        self._flush()
        self._parse()

    def _parse(self) -> None:
        """Parse what the client has sent, as far as its messages may wait."""
        while self._at < len(self._unparsed) and not self._is_full():
            piece = self._unparsed[self._at : self._at + _PIECE]
            self._at += len(piece)
            self._wire.receive_data(piece)
            for frame in self._wire.events_received():
                assert isinstance(frame, Frame)
                self._take(frame)
            if self._wire.state is not OPEN and self.end is None:
                received = None if self._wire.parser_exc else self._wire.close_rcvd
                closed = received or self._wire.close_sent
                self._end(End(closed.code, closed.reason) if closed else End(_GONE))
            self._flush()
            if self.over.is_set():
                return
        if self._at < len(self._unparsed):
            self._flow.pause_reading()
        else:
            self._unparsed, self._at = b"", 0
            self._flow.resume_reading()

    def _is_full(self) -> bool:
        if self.end is not None:
            return False  # what comes is but discarded, until the client's close
        # Answers to pings wait, too, while the client does not read.
        is_full = len(self._messages) >= self._backlog or self._waiting >= HIGH_WATER
        return is_full or self._flow.write_paused

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._is_text = frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            return
        if self.end is not None:
            return
        data = frame.data
        if not frame.fin or self._part:
            self._part += data
            data = self._part
        if not frame.fin:
            return
        try:
            message = str(data, "utf-8") if self._is_text else bytes(data)
        except UnicodeDecodeError:
            self._wire.fail(1007, "a text is not UTF-8")
            self._end(End(1007, "a text is not UTF-8"))
            return
        finally:
            self._part = bytearray()
        self._messages.append(message)
        self._waiting += len(message)
        self._news.set()

    def _flush(self) -> None:
        for data in self._wire.data_to_send():
            if data:
                self._output.write(data)
            elif not self.over.is_set():
                self._unparsed, self._at = b"", 0
                self.over.set()
                self._output.end(linger=True)

    def _end(self, end: End) -> None:
        if self.end is None:
            self.end = end
            self._news.set()
            self.ended.set()


def _cut(reason: str) -> str:
    """As much of a reason as a close frame can have."""
    return reason.encode()[:_MAX_REASON].decode(errors="ignore")
