"""WebSocket: the side of the client, as a test holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from email.message import Message
from typing import Any, NoReturn

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from runtime.codec import decode, encode_response
from runtime.testing.answer import Answer
from runtime.testing.refused import Refused
from runtime.testing.trust import trusting


class Closed(Exception):
    """The connection has ended, with the server's code and reason: 1006 if it just went."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class WebSocket:
    """An open connection, closed at the end of its `with` block. Iterate over it for the messages.

    Each call blocks for at most `limit` seconds of real time, and raises TimeoutError that says
    where handlers are.
    """

    def __init__(
        self,
        opening: AbstractContextManager[ClientConnection],
        late: Callable[[], str],
        limit: float,
    ) -> None:
        """Open it, as the library has it: a context. Raises what the library raises."""
        self._context = ExitStack()
        self._connection: ClientConnection = self._context.enter_context(opening)
        self._late = late
        self._limit = limit

    @property
    def subprotocol(self) -> str | None:
        """The one that was agreed on."""
        return self._connection.subprotocol

    def send(self, value: Any) -> None:
        """Send `str` as a text, `bytes` as a binary message, and anything else as JSON."""
        if not isinstance(value, str | bytes):
            value = encode_response(value).decode()
        try:
            self._connection.send(value)
        except ConnectionClosed as error:
            _raise_closed(error)

    def receive(self) -> str | bytes:
        """The next message. Raises Closed."""
        try:
            return self._connection.recv(timeout=self._limit)
        except ConnectionClosed as error:
            _raise_closed(error)
        except TimeoutError:
            raise TimeoutError(f"no message within {self._limit:g} s{self._late()}") from None

    def receive_json(self) -> Any:
        """The next message as JSON. Raises Closed, and InvalidJSON, a ValueError."""
        message = self.receive()
        return decode(message.encode() if isinstance(message, str) else message)

    def __iter__(self) -> Iterator[str | bytes]:
        try:
            while True:
                yield self.receive()
        except Closed:
            return

    def closed(self) -> Closed:
        """Wait for the end, whatever comes before it."""
        try:
            while True:
                self.receive()
        except Closed as closed:
            return closed

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection."""
        self._connection.close(code, reason)

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *exception: object) -> None:
        self._context.close()


def opened(
    url: str,
    target: str,
    headers: Mapping[str, str],
    subprotocols: Sequence[str],
    late: Callable[[], str],
    limit: float,
) -> WebSocket:
    """Open a WebSocket on a server. Raises Refused, TimeoutError and ConnectionError."""
    scheme, rest = url.split(":", 1)
    is_secure = scheme == "https"
    try:
        opening = connect(
            f"{'wss' if is_secure else 'ws'}:{rest.rstrip('/')}{target}",
            additional_headers=dict(headers),
            subprotocols=[Subprotocol(each) for each in subprotocols] or None,
            ssl=trusting() if is_secure else None,
            open_timeout=limit,
            close_timeout=limit,
            ping_interval=None,
            max_size=None,
            compression=None,
            proxy=None,
            user_agent_header=None,
        )
        return WebSocket(opening, late, limit)
    except InvalidStatus as error:
        raise Refused(_answer(error)) from None
    except TimeoutError:
        message = f"the WebSocket {target} did not open within {limit:g} s{late()}"
        raise TimeoutError(message) from None


def _answer(error: InvalidStatus) -> Answer:
    response = error.response
    headers = Message()
    for name, value in response.headers.raw_items():
        headers[name] = value
    body = bytes(response.body or b"")
    return Answer(status=response.status_code, headers=headers, body=body)


def _raise_closed(error: ConnectionClosed) -> NoReturn:
    received = error.rcvd
    raise Closed(*((received.code, received.reason) if received else (1006, ""))) from None
