"""Link: one connection to the broker, on the running event loop. It never reconnects by itself:
that is the supervisor's part, which runs the driver again.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from ssl import SSLCertVerificationError

from pika import ConnectionParameters, PlainCredentials, SSLOptions
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel as PikaChannel
from pika.connection import Connection
from pika.exceptions import (
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from runtime.engines.queue.amqp.channel import Channel
from runtime.engines.queue.amqp.output import Output
from runtime.engines.queue.amqp.settings import Settings, tls_context
from runtime.service import StartError, Unavailable

# Whatever it logs is an error that we raise, and it logs tracebacks for a broker that went away.
logging.getLogger("pika").setLevel(logging.CRITICAL)

CONNECT_TIMEOUT = 10.0
NOT_ALLOWED, ACCESS_REFUSED = 530, 403
HOST_MISMATCH, IP_MISMATCH = 62, 64
"""OpenSSL's codes for a certificate of another name."""


class Link:
    """A connection. `on_lost` is called once, when it has ended."""

    def __init__(self, connection: Connection, on_lost: Callable[[Unavailable], None]) -> None:
        self.is_blocked = False
        """True while the broker reads nothing that is published, for lack of memory or disk."""
        self.on_blocked: Callable[[], None] = lambda: None
        """Called when that changes."""
        self._connection = connection
        self._output = Output(connection)
        self._on_lost = on_lost
        self._closed = asyncio.get_running_loop().create_future()
        connection.add_on_close_callback(self._on_close)
        connection.add_on_connection_blocked_callback(self._set_blocked)
        connection.add_on_connection_unblocked_callback(self._set_unblocked)

    @property
    def server(self) -> str:
        """Product and version of the broker."""
        said = self._connection.server_properties or {}
        names = (said.get("product"), said.get("version"))
        return " ".join(name for name in names if isinstance(name, str))

    async def channel(self) -> Channel:
        """A new channel. Raises Unavailable."""
        opened: asyncio.Future[PikaChannel] = asyncio.get_running_loop().create_future()

        def on_open(channel: PikaChannel) -> None:
            if not opened.done():
                opened.set_result(channel)

        if not self._connection.is_open:
            raise Unavailable("the connection to the broker is closed")
        self._connection.channel(on_open_callback=on_open)
        await asyncio.wait([opened, self._closed], return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            raise Unavailable("the connection to the broker was lost")
        return Channel(opened.result(), self._output)

    async def close(self, timeout: float) -> None:
        """Close the connection properly, or after `timeout` seconds of silence without ado."""
        self._output.flush()
        if self._connection.is_open:
            self._connection.close()
        if not self._connection.is_closed:
            await asyncio.wait([self._closed], timeout=timeout)
        if not self._connection.is_closed:
            # The public way waits for an answer of the broker, which is not coming.
            self._connection._terminate_stream(ConnectionAbortedError("no answer"))

    def _on_close(self, _: Connection, reason: BaseException) -> None:
        if not self._closed.done():
            self._closed.set_result(None)
        self._on_lost(Unavailable(f"the connection to the broker was lost: {describe(reason)}"))

    def _set_blocked(self, *_: object) -> None:
        self.is_blocked = True
        self.on_blocked()

    def _set_unblocked(self, *_: object) -> None:
        self.is_blocked = False
        self.on_blocked()


async def connect(settings: Settings, purpose: str, on_lost: Callable[[Unavailable], None]) -> Link:
    """Open a connection. Raises Unavailable, or StartError if the broker refuses this user."""
    opened: asyncio.Future[Connection | BaseException] = asyncio.get_running_loop().create_future()

    def finish(connection: Connection, error: BaseException | None = None) -> None:
        if not opened.done():
            opened.set_result(error or connection)
        elif error is None:
            connection.close()

    AsyncioConnection(_parameters(settings, purpose), finish, finish)
    result = await opened
    if isinstance(result, Connection):
        return Link(result, on_lost)
    raise _refusal(settings, result)


def _parameters(settings: Settings, purpose: str) -> ConnectionParameters:
    address = settings.address
    heartbeat = math.ceil(settings.heartbeat)
    tls = None
    if address.secure:
        try:
            context = tls_context(settings.tls)
        except OSError as error:
            raise StartError(f"the files of 'tls' cannot be used: {error}") from None
        tls = SSLOptions(context, settings.tls.server_name or address.host)
    return ConnectionParameters(
        host=address.host,
        port=address.port,
        virtual_host=address.vhost,
        credentials=PlainCredentials(address.username, address.password, erase_on_connect=False),
        heartbeat=heartbeat,
        ssl_options=tls,
        connection_attempts=1,
        socket_timeout=CONNECT_TIMEOUT,
        stack_timeout=CONNECT_TIMEOUT,
        # A partition is noticed when something sent is not acknowledged, sooner than by heartbeats.
        tcp_options={"TCP_USER_TIMEOUT": 1000 * heartbeat},
        client_properties={"connection_name": f"{settings.name} {purpose}"},
    )


def _refusal(settings: Settings, error: BaseException) -> Exception:
    address = settings.address
    cause = _innermost(error)
    code = cause.reply_code if isinstance(cause, ConnectionClosedByBroker) else 0
    if isinstance(cause, ProbableAuthenticationError) or code == ACCESS_REFUSED:
        return StartError(
            f"the broker at {address.host}:{address.port} refuses the user '{address.username}'; "
            "check the user name and password of 'url'"
        )
    if isinstance(cause, ProbableAccessDeniedError) or code == NOT_ALLOWED:
        return StartError(
            f"the user '{address.username}' may not use the virtual host '{address.vhost}' of the "
            f"broker at {address.host}:{address.port}, or there is none; check 'vhost'"
        )
    return Unavailable(f"no connection to {address}: {describe(cause)}")


def _innermost(error: BaseException) -> BaseException:
    """The cause of a failure, which pika wraps in one error for each of its layers."""
    for _ in range(10):
        inner = getattr(error, "exception", None)
        if inner is None and (inners := getattr(error, "exceptions", None)):
            inner = inners[-1]
        if inner is None and error.args and isinstance(error.args[0], BaseException):
            inner = error.args[0]
        if inner is None:
            return error
        error = inner
    return error


def describe(error: BaseException) -> str:
    """An error of the connection in one line."""
    if isinstance(error, ConnectionClosedByBroker):
        return f"{error.reply_text} ({error.reply_code})"
    if isinstance(error, SSLCertVerificationError):
        wrong_name = error.verify_code in (HOST_MISMATCH, IP_MISMATCH)
        mend = (
            "write the name in it as 'tls.server_name'"
            if wrong_name
            else "give the certificate of its authority as 'tls.ca'"
        )
        return f"certificate verify failed: {error.verify_message.rstrip('.')}; {mend}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
