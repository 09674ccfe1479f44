"""Exchange: one HTTP request and its response, the subject of a handler call."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Mapping
from typing import Protocol

from starlette.types import Receive, Scope, Send

from runtime.engines.web.blocking_request import BlockingRequest
from runtime.engines.web.drain import Drain
from runtime.engines.web.fast_path import FAST_PATH, FastPath
from runtime.engines.web.request import Request
from runtime.engines.web.response_builder import ResponseBuilder

EXCHANGE = "runtime.exchange"
"""The key of the exchange in the scope that middleware gets."""

NO_PARAMS: Mapping[str, str] = {}

_ACCEPTED_ID = re.compile(rb"[\x21-\x7e]{1,128}")
# The prefix is unique across processes, the counter within one: a UUID costs ten times as much.
_ids = map((secrets.token_hex(6) + "-{:x}").format, itertools.count(1))


def new_request_id() -> str:
    """Make an id for a request that has none."""
    return next(_ids)


class ExchangeServer(Protocol):
    """The server of an exchange."""

    @property
    def max_body(self) -> int: ...

    @property
    def drain(self) -> Drain: ...


class Exchange:
    """The state of one request. Request and response objects are created on first access.

    `headers` maps each name to its last value: cheap, and enough for the server's own headers.
    """

    encodes_result = True
    """Its JSON has a place for every value of a dict or list: what is none is found there."""

    may_switch = False
    """True if its connection may go on with another protocol."""

    __slots__ = (
        "_awaits_stop",
        "_blocking_request",
        "_builder",
        "_failed_in",
        "_id",
        "_request",
        "_server",
        "fast_path",
        "headers",
        "receive",
        "scope",
        "send",
        "status",
        "streaming_since",
        "traceparent",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, server: ExchangeServer) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self._server = server
        # Removed from the scope, which it references: a cycle would be left to the collector.
        self.fast_path: FastPath | None = scope.pop(FAST_PATH, None)
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.status = 0
        """The status of the response; 0 until that begins."""
        self.streaming_since = 0.0
        """When the head of an endless response was sent, by the monotonic clock: that ends the time
        of the request, since all else lasts for as long as its client likes. 0 of all others.
        """
        self.traceparent: bytes | None = None
        """The header that tells the client of its trace, if that is kept or the client's own."""
        self._id: str | None = None
        self._request: Request | None = None
        self._blocking_request: BlockingRequest | None = None
        self._builder: ResponseBuilder | None = None

    @property
    def request(self) -> Request:
        if self._request is None:
            self._request = Request(
                self.scope,
                self.receive,
                self.send,
                self.fast_path,
                self._server.max_body,
                int(self.headers.get(b"content-length", 0)),
            )
        return self._request

    @property
    def has_files(self) -> bool:
        """True if there may be files to close."""
        request = self._request
        return request is not None and (
            request.multipart is not None or self._blocking_request is not None
        )

    @property
    def failed_in(self) -> str | None:
        """The id of the guard or middleware that has ended this request by an exception."""
        return getattr(self, "_failed_in", None)

    @failed_in.setter
    def failed_in(self, name: str) -> None:
        self._failed_in = name

    @property
    def params(self) -> Mapping[str, str]:
        """Values of the path's parameters, decoded."""
        params: Mapping[str, str] = self.scope.get("path_params", NO_PARAMS)
        return params

    @property
    def response(self) -> ResponseBuilder:
        if self._builder is None:
            self._builder = ResponseBuilder()
        return self._builder

    @property
    def builder(self) -> ResponseBuilder | None:
        """The response builder, if the handler has used it."""
        return self._builder

    @property
    def request_id(self) -> str:
        """The client's `X-Request-ID` if it is 1 to 128 visible ASCII characters, else a new id."""
        if self._id is None:
            given = self.headers.get(b"x-request-id")
            if given is not None and _ACCEPTED_ID.fullmatch(given):
                self._id = given.decode("ascii")
            else:
                self._id = new_request_id()
        return self._id

    has_client = True

    @property
    def log_ids(self) -> Mapping[str, object]:
        """The ids that a log line of this request carries."""
        return {"request_id": self.request_id}

    @property
    def blocking_request(self) -> BlockingRequest:
        """The request for a handler in a thread. Raises RuntimeError before `read`."""
        if self._blocking_request is None:
            raise RuntimeError(
                "runtime.modules.sync.http is for a plain def; use runtime.modules.http in this "
                "async def"
            )
        return self._blocking_request

    def become_async(self) -> None:
        """Make the request that a plain `def` was given the one of an `async def`, in its place."""
        if self._blocking_request is not None:
            request = self.request
            if self._blocking_request.has_body:
                request.take_body(self._blocking_request.body())
            self._blocking_request.close_files()
            self._blocking_request.__class__ = Request  # type: ignore[assignment]
            self._blocking_request.__dict__ = vars(request)

    @property
    def bodiless_request(self) -> BlockingRequest:
        """The request for a guard in a thread, which must not wait for the client's body."""
        if self._blocking_request is None:
            self._blocking_request = BlockingRequest(self.request, None)
        return self._blocking_request

    async def read(self) -> BlockingRequest:
        """Read the whole body, so that a handler in a thread never waits for a client."""
        blocking = self._blocking_request
        if blocking is None or not blocking.has_body:
            request = self.request
            kind = self.headers.get(b"content-type")
            is_multipart = kind is not None and kind[:10].lower() == b"multipart/"
            body = await request.spool() if is_multipart else await request.body()
            if blocking is None:
                blocking = self._blocking_request = BlockingRequest(request, body)
            else:
                blocking.take_body(body)
        return blocking

    @property
    def max_body(self) -> int:
        """The largest body that the server takes, in bytes."""
        return self._server.max_body

    @property
    def drain(self) -> Drain:
        return self._server.drain

    @property
    def awaits_stop(self) -> bool:
        """True once the handler has waited for the server to stop."""
        return getattr(self, "_awaits_stop", False)

    async def stopping(self) -> None:
        """Return when the server begins to stop."""
        self._awaits_stop = True
        await self._server.drain.stopping.wait()

    def close(self) -> None:
        """Close the files that the client has sent."""
        if self._request is not None:
            self._request.close_files()
        if self._blocking_request is not None:
            self._blocking_request.close_files()
