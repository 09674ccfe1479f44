"""Connection: one client on uvicorn's httptools protocol, with time-outs and size limits.

The modules of this package use undocumented parts of uvicorn: the protocol class with its
attributes and callbacks here, the cycle of a request in `fast_path`, the state that protocols
share in `connections`. `tests/web/protocol/test_uvicorn.py` names each of them.
"""

from __future__ import annotations

import asyncio
import contextvars
import math

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from runtime.engines.web.admission import Shortage
from runtime.engines.web.fast_path import FAST_PATH
from runtime.engines.web.protocol import refusal, upgrade_body
from runtime.engines.web.protocol.fast_path import CycleFastPath
from runtime.engines.web.protocol.framing import TRAILER_FIELDS, Framing
from runtime.engines.web.protocol.lingering import LingeringTransport, discard
from runtime.engines.web.protocol.phase import Phase
from runtime.engines.web.protocol.refusal import MAX_HEAD, Refusal
from runtime.engines.web.protocol.shared import Shared

_LINGER = 2.0
"""Seconds for which a client that is still sending is read from after the response."""
_MIN_PROGRESS = 16 * 1024
"""Bytes of a pending response that a client must take within the write time-out."""


class Connection(HttpToolsProtocol):
    """One client. `Connections.tick` checks the deadlines: requests need no timer of their own."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared.config, shared.state, {})
        self.deadline = math.inf
        """When the current phase times out, on the loop's clock."""
        self.write_deadline = math.inf
        """When the client must have taken more of the pending response."""
        self._shared = shared
        self._timeouts = shared.timeouts
        self._phase = Phase.NEW
        self._received = 0
        self._chunk_start = 0
        self._head_start = 0
        self._pipelined = False
        self._pending_write = 0
        self._framing = Framing()
        self._refusal: Refusal | None = None

    # Called by the transport.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._context = contextvars.copy_context()
        self._lingering = LingeringTransport(self)
        self._enter(Phase.NEW, self._timeouts.header)
        opened = transport.get_extra_info("socket")
        descriptor = opened.fileno() if opened else -1
        if (
            lack := self._shared.admission.refusal(len(self.connections) - 1, descriptor)
        ) is not None:
            self._turn_away(lack)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._lingering.detach()
        self.deadline = self.write_deadline = math.inf
        self._shared.closed.set()

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.LINGER or self._refusal is not None:
            return
        self._chunk_start = self._received
        self._received += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._refusal or refusal.NOT_HTTP)
        else:
            if self._phase is Phase.HEAD and self._received - self._head_start > MAX_HEAD:
                self._check_head()
            elif self._phase is Phase.BODY and self._framing.count(len(data)) > MAX_HEAD:
                self._refuse(refusal.FRAMING_TOO_LARGE)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client has closed its sending side: send the response that is due, then close.

        Closes at once if the handler waits for a disconnect, as streams do: the client may have
        closed both sides, which looks the same.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.message_event._waiters:
            return False
        if self._phase not in (Phase.HEAD, Phase.RESPONSE) or self.scheme == "https":
            return False
        if self._refusal is None:
            cycle.keep_alive = False
        self._phase, self.deadline = Phase.RESPONSE, math.inf
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.write_deadline = math.inf
        if self.transport.is_closing():
            self._watch_writing()

    # Called by the parser.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_start = self._chunk_start
        self._pipelined = self._phase not in (Phase.NEW, Phase.IDLE)
        self._enter(Phase.HEAD, self._timeouts.header)

    def on_headers_complete(self) -> None:
        # The bytes received may include part of a body, so the headers are counted exactly.
        if self._received - self._head_start > MAX_HEAD and self._head_size() > MAX_HEAD:
            self._refusal = refusal.HEAD_TOO_LARGE
            raise ValueError("too large")
        if not self._has_host():
            self._refusal = refusal.NO_HOST
            raise ValueError("no host")
        super().on_headers_complete()
        self._framing.begin(self.headers)
        self.headers = TRAILER_FIELDS
        self.cycle.transport = self._lingering  # type: ignore[assignment]
        self.scope[FAST_PATH] = CycleFastPath(self.cycle)  # type: ignore[literal-required]
        if self._shared.stopping:
            self.cycle.keep_alive = False
        self._enter(Phase.BODY, self._timeouts.read)

    def on_body(self, body: bytes) -> None:
        self._framing.body_bytes += len(body)
        super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        # Else a request that waited for another, or came after one, has the other's context.
        context = self._context.copy()
        self.tasks.add(self.loop.create_task(self._run(cycle, app), context=context))

    async def _run(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Run the application, which logs its own failures. Saves the task a done callback."""
        try:
            await app(cycle.scope, cycle.receive, cycle.send)
        finally:
            self.tasks.discard(asyncio.current_task())
            cycle.on_response = discard
            if not cycle.response_complete:
                cycle.transport.close()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:
            self._enter(Phase.IDLE, self._timeouts.idle)
        else:
            self._phase, self.deadline = Phase.RESPONSE, math.inf

    # Called by the request-response cycle.

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing() or self._phase is Phase.LINGER:
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._refusal is not None:
            self._refuse(self._refusal)
        elif self._phase is Phase.RESPONSE:
            self._enter(Phase.IDLE, self._timeouts.idle)
        elif self._phase is Phase.BODY:
            # The rest of an unread body is still received, for a moment.
            self.deadline = min(self.deadline, self.loop.time() + _LINGER)

    def finish(self) -> None:
        """Close once all is written, lingering while the client is still sending.

        Closing at once would reset the connection, and the client could lose the response.
        """
        if self._phase in (Phase.HEAD, Phase.BODY) and self.transport.can_write_eof():
            self.flow.resume_reading()
            self.transport.write_eof()
            self._enter(Phase.LINGER, _LINGER)
        else:
            self.transport.close()
        self._watch_writing()

    # Called by the server.

    def expire(self, now: float) -> None:
        """Act on the deadlines that have passed at `now`, on the loop's clock."""
        if self.write_deadline <= now:
            size = self.transport.get_write_buffer_size()
            if size > max(0, self._pending_write - _MIN_PROGRESS):
                self.transport.abort()
                return
            self._watch_writing()
        if self.deadline > now:
            return
        if self.flow.read_paused and self._phase in (Phase.HEAD, Phase.BODY):
            self._enter(self._phase, self._timeouts.read)  # reading is paused on our side
        elif self._phase is Phase.HEAD:
            self._refuse(refusal.HEAD_TIMEOUT)
        elif self._phase is Phase.BODY and not self.cycle.response_complete:
            self._refuse(refusal.BODY_TIMEOUT)
        else:
            self.deadline = math.inf
            self.transport.close()
            self._watch_writing()

    def shutdown(self) -> None:
        if self._phase is Phase.LINGER or self.cycle is None or self.cycle.response_complete:
            self.transport.close()
            self._watch_writing()
        else:
            self.cycle.keep_alive = False

    def _check_head(self) -> None:
        """Refuse incomplete headers that are too large by now, not counting earlier requests."""
        if self._pipelined and self._head_start == self._chunk_start:
            # They began somewhere inside this chunk: only the parser knows what belongs to them.
            self._head_start = self._received - self._head_size()
        if self._received - self._head_start > MAX_HEAD:
            self._refuse(refusal.HEAD_TOO_LARGE)

    def _has_host(self) -> bool:
        """True if there is the one Host header that HTTP/1.1 requires (RFC 9112, 3.2)."""
        hosts = [name for name, _ in self.headers].count(b"host")
        return hosts == 1 or (hosts == 0 and self.parser.get_http_version() != "1.1")

    def _head_size(self) -> int:
        """Bytes of the request line and of the complete headers."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _enter(self, phase: Phase, seconds: float) -> None:
        self._phase = phase
        self.deadline = self.loop.time() + seconds

    def _watch_writing(self) -> None:
        """Start the write time-out if a response is pending, else end it."""
        self._pending_write = self.transport.get_write_buffer_size()
        self.write_deadline = (
            self.loop.time() + self._timeouts.write if self._pending_write else math.inf
        )

    def _turn_away(self, shortage: Shortage) -> None:
        self._shared.admission.count(shortage)
        if shortage is Shortage.CONNECTIONS:
            self._phase = Phase.HEAD  # lingers, so that the client reads why
        self._refuse(refusal.TURNED_AWAY)

    def _refuse(self, reason: Refusal) -> None:
        """Answer a request without the application and close, once earlier ones are answered."""
        self._refusal = reason
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._phase is not Phase.BODY:
                return  # on_response_complete refuses it after the earlier responses
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                self.transport.abort()
                return
        elif self._phase is Phase.BODY:
            self.finish()  # the request has its response: a second one would be taken for the next
            return
        self.transport.write(self._refusal.encode(self.server_state.default_headers))
        self.finish()

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Stay with HTTP/1.1 when a request offers another protocol (`Upgrade: h2c`).

        The parser leaves everything after the headers to that protocol, so a body is read by a
        second parser, and the connection is closed afterwards.
        """
        framing = upgrade_body.encode_framing(self.scope["headers"])
        if framing:
            cycle = self.cycle
            cycle.keep_alive, cycle.more_body = False, True
            cycle.message_event.clear()
            self.parser = upgrade_body.body_parser(framing, self)
            self._enter(Phase.BODY, self._timeouts.read)
        if rest:
            self.data_received(rest)
