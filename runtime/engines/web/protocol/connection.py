"""Connection: one client of HTTP/1.1, whose requests are read and answered one after the other.

Nothing is parsed while a request is in progress: what a client sends ahead waits as bytes, few of
them here and the rest at the client. So a request cannot disturb the response to an earlier one.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import math

from runtime.engines.web.fast_path import FAST_PATH
from runtime.engines.web.protocol import refusal
from runtime.engines.web.protocol.cycle import Cycle
from runtime.engines.web.protocol.deadlines import Deadlines
from runtime.engines.web.protocol.flow import HIGH_WATER, Flow
from runtime.engines.web.protocol.head import Head
from runtime.engines.web.protocol.output import LINGER, Output
from runtime.engines.web.protocol.peer import local_address, remote_address
from runtime.engines.web.protocol.phase import Phase
from runtime.engines.web.protocol.reader import Reader
from runtime.engines.web.protocol.refusal import Refusal, Refused
from runtime.engines.web.protocol.shared import Shared
from runtime.engines.web.protocol.upgrade_cycle import unusual
from runtime.engines.web.websocket.upgrade import Successor

_ASGI = {"version": "3.0", "spec_version": "2.3"}


class Connection(asyncio.Protocol):
    """One client. `Connections.tick` checks its deadlines."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._timeouts = shared.timeouts
        self._loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(self._loop.time)
        self._phase = Phase.NEW
        self._reader = Reader()
        self._at_eof = False
        self._cycle: Cycle | None = None
        """The request in progress, or the last one."""

    # Called by the transport.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self._context = contextvars.copy_context()
        self.flow = Flow(transport)
        self._output = Output(transport, self.deadlines, self._timeouts.write, self._end)
        self._scope = {
            "type": "http",
            "asgi": _ASGI,
            "server": local_address(transport),
            "client": remote_address(transport),
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
            "root_path": "",
        }
        self.deadlines.expect_input(self._timeouts.header)
        self._shared.clients.add(self)
        self._admit()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_reading()
        self._output.detach()
        self.deadlines.clear()
        self._leave(self)

    def data_received(self, data: bytes) -> None:
        if self._phase is not Phase.LINGER:
            self._reader.feed(data)
            self._read()

    def eof_received(self) -> bool:
        """The client has closed its sending side: send the response that is due, then close.

        Closes at once if the handler waits for a disconnect, as streams do: the client may have
        closed both sides, which looks the same.
        """
        if self._phase is not Phase.RESPONSE or self._scope["scheme"] == "https":
            return False
        if self._current.awaits_disconnect:
            return False
        self._at_eof = True
        if not self._reader.data:
            self._current.keep_alive = False
        return True

    def pause_writing(self) -> None:
        self.flow.pause_writing()
        self._output.expect()

    def resume_writing(self) -> None:
        self.flow.resume_writing()
        self._output.resume()

    # Called by the cycle of a request.

    def resume_reading(self) -> None:
        """Read on, unless enough of later requests waits already."""
        if self._phase is not Phase.RESPONSE or len(self._reader) <= HIGH_WATER:
            self.flow.resume_reading()

    def on_response_complete(self) -> None:
        if self._phase is Phase.RESPONSE:
            self._await_request()
            self._read()
        elif self._phase is Phase.BODY:
            # The rest of an unread body is still received, for a moment.
            self.deadlines.shorten_input(LINGER)
            self.flow.resume_reading()

    def break_off(self) -> None:
        """End the connection in the middle of a response, so that the client can tell."""
        if self._cycle is not None and self._cycle.until_close:
            self._output.reset()
        else:
            self._output.close()

    def switch(self, successor: Successor) -> None:
        """Leave the connection to another protocol, with what was sent ahead."""
        ahead = self._reader.rest
        self._stop_reading()
        self._shared.clients.remove(self)
        self._shared.clients.add(successor)
        leave = functools.partial(self._leave, successor)
        successor.take_over(self.transport, self.flow, self._output, self.deadlines, leave, ahead)

    # Called by the server.

    def expire(self, now: float) -> None:
        """Act on the deadlines that have passed at `now`, on the loop's clock."""
        if self._output.expire(now) or self.deadlines.input > now:
            return
        if self._phase is Phase.HEAD:
            self._refuse(refusal.HEAD_TIMEOUT)
        elif self._phase is not Phase.BODY or self._current.response_complete:
            self._output.shut()
        elif self.flow.read_paused:
            self.deadlines.expect_input(self._timeouts.read)  # it waits for us
        else:
            self._refuse(refusal.BODY_TIMEOUT)

    def shutdown(self) -> None:
        """Close now, or after the response to the request in progress."""
        if self._phase is Phase.BODY and self._current.response_complete:
            self._end()
        elif self._phase in (Phase.BODY, Phase.RESPONSE):
            self._current.keep_alive = False
        else:
            self._output.shut()

    @property
    def _current(self) -> Cycle:
        assert self._cycle is not None
        return self._cycle

    def _leave(self, client: Connection | Successor) -> None:
        """Let go of a connection that is lost, whoever had it last."""
        self._shared.clients.discard(client)
        if self._cycle is not None:
            self._cycle.disconnect()
            self._cycle = None
        self.flow.resume_writing()
        self._shared.closed.set()

    def _admit(self) -> None:
        """Turn the client away if there are too many already."""
        opened = self.transport.get_extra_info("socket")
        admission, connections = self._shared.admission, len(self._shared.clients) - 1
        shortage = admission.refusal(connections, opened.fileno() if opened else -1)
        if shortage is None:
            return
        admission.count(shortage)
        self.transport.write(refusal.TURNED_AWAY.encode(self._shared.lines))
        self._stop_reading()
        self._output.end(linger=admission.lingers(shortage, connections))

    def _read(self) -> None:
        """Read requests until there is no whole one, or the response to one is due."""
        reader = self._reader
        try:
            while reader.data:
                if self._phase is Phase.BODY:
                    if not self._read_body():
                        break
                elif self._phase is Phase.RESPONSE:
                    if len(reader) > HIGH_WATER:
                        self.flow.pause_reading()
                    return
                elif reader.read_head():
                    self._start(reader.head)
                else:
                    self._await_rest_of_head()
                    return
        except Refused as refused:
            self._refuse(refused.refusal)
            return
        if self._at_eof and self._phase is not Phase.RESPONSE:
            self._output.shut()  # nothing more will come
        elif self._phase is Phase.BODY and self.deadlines.input == math.inf:
            self.deadlines.expect_input(self._timeouts.read)

    def _await_rest_of_head(self) -> None:
        if self._phase is Phase.NEW:  # the time runs since the connection was made
            self._phase = Phase.HEAD
        elif self._phase is Phase.IDLE:
            self._phase = Phase.HEAD
            self.deadlines.expect_input(self._timeouts.header)
        if self._at_eof:
            self._output.shut()

    def _start(self, head: Head) -> None:
        """Start the application on a request."""
        scope = head.scope(self._scope)
        kind = Cycle if head.is_plain else unusual(head, self._shared)
        cycle = self._cycle = kind(
            scope,
            self._output,
            self,
            self._shared.lines,
            keep_alive=head.keeps_alive and not self._shared.stopping,
            expects_continue=head.expects_continue,
        )
        scope[FAST_PATH] = cycle
        if head.length:
            self._reader.start_body()
            self._phase, self.deadlines.input = Phase.BODY, math.inf
        else:
            self._await_response()
        run = cycle.run(self._shared.app, self._shared.tasks)
        # In a copy: else a request that waited for another has the context of that one.
        task = self._loop.create_task(run, context=self._context.copy())
        self._shared.tasks.add(task)

    def _read_body(self) -> bool:
        """Read of a body what there is; false if more of it is to come."""
        cycle = self._current
        piece = self._reader.read_body()
        if piece and not cycle.response_complete:
            cycle.waiting_for_100_continue = False
            cycle.body += piece
            if len(cycle.body) > HIGH_WATER:
                self.flow.pause_reading()
            cycle.notify()
        if not self._reader.body.ended:
            return False
        if cycle.response_complete:
            self._await_request()
        else:
            self._await_response()
        return True

    def _await_response(self) -> None:
        self._phase, self.deadlines.input = Phase.RESPONSE, math.inf
        self._current.more_body = False
        self._current.notify()

    def _await_request(self) -> None:
        self._phase = Phase.IDLE
        self.deadlines.expect_input(self._timeouts.idle)
        self.flow.resume_reading()

    def _refuse(self, reason: Refusal) -> None:
        """Answer a request without the application, and end the connection."""
        if self._phase is Phase.BODY:
            cycle = self._current
            if cycle.response_complete:  # a second response would be taken for the next one
                self._end()
                return
            cycle.disconnect()
            if cycle.response_started:
                self.break_off()
                return
            with_body = cycle.scope["method"] != "HEAD"
        else:
            with_body = not self._reader.startswith(b"HEAD ")
        self._output.write(reason.encode(self._shared.lines, with_body=with_body))
        self._end()

    def _end(self) -> None:
        """End the connection, lingering while the client may still be sending."""
        waits = self._phase in (Phase.RESPONSE, Phase.IDLE) and not self._reader.data
        self._stop_reading()
        self._output.end(linger=not waits)

    def _stop_reading(self) -> None:
        """Ignore from now on what the client sends."""
        self._phase = Phase.LINGER
        self._reader.close()
