"""Session: the connection to the server, from one start of the driver to its end or loss."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
from nats.aio.client import Callback, Client
from nats.aio.subscription import Subscription
from nats.errors import AuthorizationError, Error, NoRespondersError

from runtime.engines.queue.driver_queue import Full, NotHeld
from runtime.service import StartError, Unavailable

PATIENCE = 5
"""Seconds without an answer after which the server is given up."""
FULL, IN_USE, NOT_FOUND = 10077, 10058, 10037
"""JetStream's codes: a subject is full, a stream has another configuration, no such message."""


class Settings(msgspec.Struct, frozen=True):
    url: str
    name: str
    prefix: str
    lease: float
    replicas: int
    wait: float = 0.5
    """Seconds until a request for messages ends, and so the most that a close takes."""


class Refused(Exception):
    """JetStream answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("description"))
        self.code = error.get("err_code")


class Session:
    def __init__(self) -> None:
        self.lost: asyncio.Future[Unavailable] = asyncio.get_running_loop().create_future()
        self._client = Client()
        self._publishing = 0
        self._published = asyncio.Event()
        self._error: Exception | None = None

    async def open(self, settings: Settings) -> None:
        """Connect. Raises StartError and Unavailable."""
        try:
            # The supervisor connects again: what was held before must be forgotten first.
            await self._client.connect(
                settings.url,
                name=settings.name,
                allow_reconnect=False,
                connect_timeout=PATIENCE,
                ping_interval=PATIENCE,
                max_outstanding_pings=1,
                error_cb=self._on_error,
                closed_cb=self._on_closed,
            )
        except AuthorizationError as error:
            raise StartError(f"the server refuses these credentials: {error}") from None
        except (OSError, Error, TimeoutError) as error:
            raise Unavailable(f"the server is not reached: {error}") from None
        try:
            await self.call("INFO")
        except NoRespondersError:
            raise StartError(
                "the server has no JetStream; enable it in its configuration"
            ) from None

    def fail(self, error: Unavailable) -> None:
        if not self.lost.done():
            self.lost.set_result(error)

    async def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Ask JetStream. Raises Refused and Unavailable."""
        return await self._ask(f"$JS.API.{operation}", json.dumps(arguments).encode(), None)

    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        """Publish a message, and wait until the stream has it. Raises Full, ValueError and
        Unavailable.
        """
        size = len(body) + sum(map(len, headers.values())) + 100
        if size > self._client.max_payload:  # the server would close the connection
            raise ValueError(
                f"a message of {size:,} bytes is too large for the server, which takes "
                f"{self._client.max_payload:,}; raise its 'max_payload'"
            )
        self._publishing += 1
        self._published.clear()
        try:
            await self._ask(subject, body, headers)
        except Refused as refused:
            if refused.code == FULL:
                raise Full from None
            raise Unavailable(f"JetStream refuses a message: {refused}") from None
        except NoRespondersError:
            error = Unavailable(f"no stream takes '{subject}': it was deleted")
            self.fail(error)  # the next session declares it again
            raise error from None
        finally:
            self._publishing -= 1
            if not self._publishing:
                self._published.set()

    async def settle(self, subject: str, how: bytes) -> None:
        """Settle a delivery, and wait until the server has done so. Raises NotHeld."""
        try:
            await self._request(subject, how, None)
        except (NoRespondersError, Unavailable) as error:
            raise NotHeld(f"the server does not take it: {error}") from None

    async def send(self, subject: str, payload: bytes, reply: str = "") -> None:
        """Send what has no answer, or one that comes elsewhere. Raises Unavailable."""
        try:
            await self._client.publish(subject, payload, reply)
        except Error as error:
            raise Unavailable(f"the connection is closed: {error}") from None

    async def subscribe(self, on_message: Callback) -> Subscription:
        """A new inbox. Raises Unavailable."""
        try:
            # Without bounds: nothing comes that was not asked for.
            return await self._client.subscribe(
                self._client.new_inbox(),
                cb=on_message,
                pending_msgs_limit=-1,
                pending_bytes_limit=-1,
            )
        except Error as error:
            raise Unavailable(f"the connection is closed: {error}") from None

    async def close(self, gently: bool) -> None:
        if gently and self._publishing:
            await self._published.wait()
        if gently and self._client.is_connected:
            await self._client.flush(PATIENCE)
        self.fail(Unavailable("the connection is closed"))
        await self._client.close()

    async def _ask(self, subject: str, body: bytes, headers: Any) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(await self._request(subject, body, headers))
        if "error" in told:
            raise Refused(told["error"])
        return told

    async def _request(self, subject: str, body: bytes, headers: Any) -> bytes:
        try:
            answer = await self._client.request(subject, body, timeout=PATIENCE, headers=headers)
        except NoRespondersError:
            raise
        except (Error, TimeoutError) as error:
            why = self._error or str(error) or type(error).__name__
            raise Unavailable(f"no answer from the server, which may have acted: {why}") from None
        return answer.data

    async def _on_error(self, error: Exception) -> None:
        self._error = error

    async def _on_closed(self) -> None:
        self.fail(Unavailable(f"the connection to the server is lost: {self._error or 'closed'}"))
