"""Session: an HTTP client of one application, which keeps its cookies as a browser does."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from runtime.codec import encode
from runtime.testing import multipart
from runtime.testing.answer import Answer
from runtime.testing.event_stream import EventStream
from runtime.testing.multipart import File
from runtime.testing.trust import trusting

if TYPE_CHECKING:
    from runtime.testing.websocket import WebSocket

_LIMIT = 10.0

_NOTHING = object()


class Session:
    """Sends requests over real connections, one each. Made by `app.session()`.

    A cookie that a server sets is sent with all that follows, `Secure` or not and whatever its
    `Path`, until the server takes it back; `cookies` may be changed. Redirects are not followed.
    """

    def __init__(self, address: Callable[[str | None], str], late: Callable[[], str]) -> None:
        """`address` gives the URL of a server; `late` says, after a time-out, what was going on."""
        self.cookies: dict[str, str] = {}
        """By name."""
        self.headers: dict[str, str] = {}
        """Sent with each request, such as `Authorization`."""
        self._address = address
        self._late = late

    def get(self, path: str, **options: Any) -> Answer:
        """`request("GET", …)`, with its options."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        """`request("POST", …)`, with its options."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Answer:
        """`request("PUT", …)`, with its options."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Answer:
        """`request("PATCH", …)`, with its options."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        """`request("DELETE", …)`, with its options."""
        return self.request("DELETE", path, **options)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = _NOTHING,
        data: Mapping[str, Any] | bytes | str | None = None,
        files: Mapping[str, File] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        server: str | None = None,
        limit: float = _LIMIT,
    ) -> Answer:
        """Send a request and return the whole answer, whatever its status.

        `json` is a value for the body; `data` a form, or a body as it is; `files` by the name of
        their field, each its content or a tuple of file name, content and perhaps content type.
        `params` are added to the path's query; a list stands for several of one name. `server` is
        the id of the http.service, if there are several. `limit` is in seconds of real time.

        Raises TimeoutError that says where the handler is, and ConnectionError.
        """
        body, kind = _body(json, data, files)
        sent = {"Content-Type": kind} if kind else {}
        sent |= self._sent(headers)
        connection = _connection(self._address(server), limit)
        try:
            with self._told(method, path, limit):
                connection.request(method, _target(path, params), body, sent)
                response = connection.getresponse()
                answer = Answer(status=response.status, headers=response.msg, body=response.read())
        finally:
            connection.close()
        self._keep(answer.headers.get_all("set-cookie", []))
        return answer

    def stream(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        server: str | None = None,
        limit: float = _LIMIT,
    ) -> EventStream:
        """Open a stream of events or lines, to be used in a `with` block. `limit` is that of each.

        Raises `Refused`, with the whole answer, for one that is no stream; else as `request` does.
        """
        connection = _connection(self._address(server), limit)
        try:
            with self._told("GET", path, limit):
                connection.request("GET", _target(path, params), None, self._sent(headers))
                return EventStream(connection, self._late, limit)
        except BaseException:
            connection.close()
            raise

    def websocket(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        subprotocols: Sequence[str] = (),
        server: str | None = None,
        limit: float = _LIMIT,
    ) -> WebSocket:
        """Open a WebSocket, to be used in a `with` block. `limit` is that of each of its calls.

        Raises `Refused`, with the whole answer, if none opens; else as `request` does.
        """
        from runtime.testing.websocket import opened  # needs the extra

        sent = self._sent(headers)
        return opened(
            self._address(server), _target(path, params), sent, subprotocols, self._late, limit
        )

    @contextmanager
    def _told(self, method: str, path: str, limit: float) -> Iterator[None]:
        """Tell of a request that takes too long where its handler is."""
        try:
            yield
        except TimeoutError:
            late = f"{method} {path} was not answered within {limit:g} s{self._late()}"
            raise TimeoutError(late) from None

    def _sent(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        """The headers of a request, with those of the session and its cookies."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {**({"Cookie": cookies} if cookies else {}), **self.headers, **(headers or {})}

    def _keep(self, fields: Sequence[str]) -> None:
        for field in fields:
            for name, morsel in SimpleCookie(field).items():
                if morsel["max-age"] == "0" or "01 Jan 1970" in morsel["expires"].replace("-", " "):
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.coded_value


def _body(
    json: Any, data: Mapping[str, Any] | bytes | str | None, files: Mapping[str, File] | None
) -> tuple[bytes | None, str]:
    """The body of a request and its content type."""
    if json is not _NOTHING and not (data is None and files is None):
        raise TypeError("a request has either 'json', or 'data' and 'files'")
    if json is not _NOTHING:
        return encode(json), "application/json"
    if files is not None:
        if isinstance(data, bytes | str):
            raise TypeError("'data' beside 'files' is a mapping of fields")
        kind, body = multipart.encode(data or {}, files)
        return body, kind
    if isinstance(data, Mapping):
        return urlencode([*multipart.pairs(data)]).encode(), "application/x-www-form-urlencoded"
    return data.encode() if isinstance(data, str) else data, ""


def _target(path: str, params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None) -> str:
    if not params:
        return path
    fields = params if isinstance(params, Mapping) else None
    query = urlencode([*multipart.pairs(fields)] if fields is not None else [*params])
    return f"{path}{'&' if '?' in path else '?'}{query}"


def _connection(url: str, limit: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=limit, context=trusting())
    return http.client.HTTPConnection(host, port, timeout=limit)
