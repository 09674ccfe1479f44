"""Connection: one client on uvicorn's httptools protocol, with limits on its time and its size.

This module and its neighbours `connections` and `shortcut` are the only ones that reach into
undocumented parts of uvicorn: here the protocol class with its attributes and callbacks, there the
state the protocols share, and the cycle of one request. `tests/web/test_uvicorn.py` holds each.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from enum import Enum, auto

import httptools
import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from runtime.engines.web import problem
from runtime.engines.web.exchange import new_request_id
from runtime.engines.web.fast_path import FAST_PATH
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.protocol import upgrade_body
from runtime.engines.web.protocol.fast_path import CycleFastPath, encode_response
from runtime.engines.web.protocol.lingering import LingeringTransport, nothing
from runtime.engines.web.timeouts import Timeouts

MAX_HEAD = 64 * 1024
"""Bytes that a request line and its headers may have together."""

_LINGER = 2.0
_PROGRESS = 16 * 1024


class Phase(Enum):
    """What a connection waits for."""

    NEW = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    IDLE = auto()
    LINGER = auto()


@dataclass(slots=True, kw_only=True)
class Shared:
    """What the connections of one server have in common."""

    config: uvicorn.Config
    state: ServerState
    timeouts: Timeouts
    lost: asyncio.Event
    """Set whenever one of them has ended."""
    stopping: bool = False


class Connection(HttpToolsProtocol):
    """One client. Its deadlines are looked at by `Connections.tick`: no timer for each request."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared.config, shared.state, {})
        self.deadline = math.inf
        self.stalled = math.inf
        self._shared = shared
        self._limits = shared.timeouts
        self._phase = Phase.NEW
        self._seen = 0
        self._chunk_start = 0
        self._head_start = 0
        self._behind = False
        self._unsent = 0
        self._fault: tuple[int, str] | None = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._closer = LingeringTransport(self)
        self._await(Phase.NEW, self._limits.header)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._closer.lose()
        self.deadline = self.stalled = math.inf
        self._shared.lost.set()

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.LINGER or self._fault is not None:
            return
        self._chunk_start = self._seen
        self._seen += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(*(self._fault or (400, "the request is not HTTP")))
        else:
            if self._phase is Phase.HEAD and self._seen - self._head_start > MAX_HEAD:
                self._measure()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more. It gets the answer that is due, and then the end.

        Unless the handler waits to be told that the client has left, as a stream does: that looks
        the same.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.message_event._waiters:
            return False
        if self._phase not in (Phase.HEAD, Phase.ANSWER) or self.scheme == "https":
            return False
        if self._fault is None:
            cycle.keep_alive = False
        self._phase, self.deadline = Phase.ANSWER, math.inf
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stalled = math.inf
        if self.transport.is_closing():
            self._watch()

    # What the parser calls.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_start = self._chunk_start
        self._behind = self._phase not in (Phase.NEW, Phase.IDLE)
        self._await(Phase.HEAD, self._limits.header)

    def on_headers_complete(self) -> None:
        # The last chunk may hold more than the headers: only now it pays to count them.
        if self._seen - self._head_start > MAX_HEAD and self._head_size() > MAX_HEAD:
            self._fault = (431, f"the headers are larger than {MAX_HEAD} bytes")
            raise ValueError("too large")
        if not self._has_host():
            self._fault = (400, "a request needs one Host header")
            raise ValueError("no host")
        super().on_headers_complete()
        self.cycle.transport = self._closer  # type: ignore[assignment]
        self.scope[FAST_PATH] = CycleFastPath(self.cycle)  # type: ignore[literal-required]
        if self._shared.stopping:
            self.cycle.keep_alive = False
        self._await(Phase.BODY, self._limits.read)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.tasks.add(self.loop.create_task(self._run(cycle, app)))

    async def _run(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Let the application answer, which reports its own failures. No callback for its end."""
        try:
            await app(cycle.scope, cycle.receive, cycle.send)
        finally:
            self.tasks.discard(asyncio.current_task())
            cycle.on_response = nothing
            if not cycle.response_complete:
                cycle.transport.close()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:
            self._await(Phase.IDLE, self._limits.idle)
        else:
            self._phase, self.deadline = Phase.ANSWER, math.inf

    # What the request-response cycle calls.

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing() or self._phase is Phase.LINGER:
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._fault is not None:
            self._refuse(*self._fault)
        elif self._phase is Phase.ANSWER:
            self._await(Phase.IDLE, self._limits.idle)
        elif self._phase is Phase.BODY:
            # The rest of a body that nobody wants is read all the same, for a moment.
            self.deadline = min(self.deadline, self.loop.time() + _LINGER)

    def finish(self) -> None:
        """Close once all is written. A client still sending is heard out for a moment.

        Closing on it at once would reset the connection, and it would never see the answer.
        """
        if self._phase in (Phase.HEAD, Phase.BODY) and self.transport.can_write_eof():
            self.flow.resume_reading()
            self.transport.write_eof()
            self._await(Phase.LINGER, _LINGER)
        else:
            self.transport.close()
        self._watch()

    # What the server calls.

    def expire(self, now: float) -> None:
        """Act on a deadline that has passed."""
        if self.stalled <= now:
            size = self.transport.get_write_buffer_size()
            if size > max(0, self._unsent - _PROGRESS):
                self.transport.abort()
                return
            self._watch()
        if self.deadline > now:
            return
        if self.flow.read_paused and self._phase in (Phase.HEAD, Phase.BODY):
            self._await(self._phase, self._limits.read)  # it is we who do not read
        elif self._phase is Phase.HEAD:
            self._refuse(408, "the headers took too long")
        elif self._phase is Phase.BODY and not self.cycle.response_complete:
            self._refuse(408, "the body took too long")
        else:
            self.deadline = math.inf
            self.transport.close()
            self._watch()

    def shutdown(self) -> None:
        if self._phase is Phase.LINGER or self.cycle is None or self.cycle.response_complete:
            self.transport.close()
            self._watch()
        else:
            self.cycle.keep_alive = False

    # Our own.

    def _measure(self) -> None:
        """Refuse headers that are too large by now, but not for the requests in front of them."""
        if self._behind and self._head_start == self._chunk_start:
            # They began anywhere in this chunk: what came with it is told by the parser alone.
            self._head_start = self._seen - self._head_size()
        if self._seen - self._head_start > MAX_HEAD:
            self._refuse(431, f"the headers are larger than {MAX_HEAD} bytes")

    def _has_host(self) -> bool:
        """Whether the request has the one Host header it must have (RFC 9112, 3.2)."""
        hosts = [name for name, _ in self.headers].count(b"host")
        return hosts == 1 or (hosts == 0 and self.parser.get_http_version() != "1.1")

    def _head_size(self) -> int:
        """Bytes of the request line and of the headers that are complete."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _await(self, phase: Phase, seconds: float) -> None:
        self._phase = phase
        self.deadline = self.loop.time() + seconds

    def _watch(self) -> None:
        """Begin to see whether the client takes what is ready for it."""
        self._unsent = self.transport.get_write_buffer_size()
        self.stalled = self.loop.time() + self._limits.write if self._unsent else math.inf

    def _refuse(self, status: int, detail: str) -> None:
        """Answer a request that never gets to the application, and close; earlier ones first."""
        self._fault = (status, detail)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._phase is not Phase.BODY:
                return  # said by on_response_complete, when those before it have their answers
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                self.transport.abort()
                return
        error = HTTPError(status, detail)
        body = problem.document(error)
        headers = [
            *self.server_state.default_headers,
            problem.CONTENT_TYPE,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", new_request_id().encode()),
            (b"connection", b"close"),
        ]
        self.transport.write(encode_response(status, headers, body))
        self.finish()

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 with a request that offered another protocol (`Upgrade: h2c`).

        The parser takes what follows the headers for that protocol's, so a body has to be read
        by a new one, after which the connection is closed.
        """
        framed = upgrade_body.framing(self.headers)
        if framed:
            cycle = self.cycle
            cycle.keep_alive, cycle.more_body = False, True
            cycle.message_event.clear()
            self.parser = upgrade_body.parser(framed, self)
            self._await(Phase.BODY, self._limits.read)
        if rest:
            self.data_received(rest)
