"""Exchange: one HTTP request and its response, the subject of a handler's call."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from runtime.engines.web.fast_path import FAST_PATH, FastPath
from runtime.engines.web.reply import ResponseBuilder
from runtime.engines.web.request import BlockingRequest, Request

NO_PARAMS: Mapping[str, str] = {}

_ACCEPTED_ID = re.compile(rb"[\x21-\x7e]{1,128}")
# Unique among processes by the prefix, within one by the count: a UUID costs ten times as much.
_prefix = secrets.token_hex(6)
_count = itertools.count(1)


def own_id() -> str:
    """An id for a request that brought none."""
    return f"{_prefix}-{next(_count):x}"


class Exchange:
    """What one request is made of, most of it made when it is first asked for.

    `headers` has the last of each name, which is quick to ask and enough for the server's own.
    """

    __slots__ = (
        "_blocking",
        "_id",
        "_reply",
        "_request",
        "direct",
        "headers",
        "max_body",
        "receive",
        "scope",
        "send",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, max_body: int) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.max_body = max_body
        # Taken out, since what it leads to holds the scope: a circle is work for the collector.
        self.direct: FastPath | None = scope.pop(FAST_PATH, None)
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self._id: str | None = None
        self._request: Request | None = None
        self._blocking: BlockingRequest | None = None
        self._reply: ResponseBuilder | None = None

    @property
    def request(self) -> Request:
        if self._request is None:
            self._request = Request(
                self.scope, self.receive, self.send, self.direct, self.max_body, self._announced()
            )
        return self._request

    @property
    def params(self) -> Mapping[str, str]:
        """The values of the path's parameters, decoded."""
        params: Mapping[str, str] = self.scope.get("path_params", NO_PARAMS)
        return params

    @property
    def reply(self) -> ResponseBuilder:
        if self._reply is None:
            self._reply = ResponseBuilder()
        return self._reply

    @property
    def filled(self) -> ResponseBuilder | None:
        """The reply, if the handler asked for it."""
        return self._reply

    @property
    def request_id(self) -> str:
        """The client's `X-Request-ID` if it is at most 128 visible characters, else our own."""
        if self._id is None:
            given = self.headers.get(b"x-request-id")
            if given is not None and _ACCEPTED_ID.fullmatch(given):
                self._id = given.decode("ascii")
            else:
                self._id = own_id()
        return self._id

    @property
    def log_ids(self) -> Mapping[str, object]:
        return {"request_id": self.request_id}

    @property
    def blocking_request(self) -> BlockingRequest:
        """The request for a handler in a thread. Raises RuntimeError before `read`."""
        if self._blocking is None:
            raise RuntimeError(
                "runtime.modules.sync.http is for a plain def; use runtime.modules.http in this "
                "async def"
            )
        return self._blocking

    async def read(self) -> BlockingRequest:
        """Read the whole body, so that a handler in a thread never waits for a client."""
        if self._blocking is None:
            self._blocking = BlockingRequest(self.request, await self.request.body())
        return self._blocking

    def _announced(self) -> int:
        """How long the client says that the body is; 0 if it does not say."""
        return int(self.headers.get(b"content-length", 0))
