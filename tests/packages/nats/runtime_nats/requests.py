"""Requests: what a subscription has asked the server for, in one session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error

from runtime.service import Unavailable
from runtime_nats.session import Session

EXPIRED = "408"
"""The status with which the server ends a request."""


class Requests:
    """Each ends after `wait` seconds. The server cannot be told to forget one, and may lose for a
    lease what is given back while the inbox of one is gone: so they are waited for.
    """

    def __init__(
        self,
        session: Session,
        subject: str,
        wait: float,
        on_delivery: Callable[[Msg], None],
        on_end: Callable[[], None],
    ) -> None:
        self.session = session
        self.count = 0
        """Messages that the server may still send."""
        self._subject = subject
        self._wait = wait
        self._on_delivery = on_delivery
        self._on_end = on_end
        self._inbox: Subscription | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ended = asyncio.Event()

    async def add(self, batch: int) -> None:
        """Ask for so many messages. Raises Unavailable."""
        self.count += batch
        self._ended.clear()
        if self._inbox is None:
            self._inbox = await self.session.subscribe(self._on_message)
        request = {"batch": batch, "expires": round(self._wait * 1e9)}
        await self.session.send(self._subject, json.dumps(request).encode(), self._inbox.subject)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(2 * self._wait, self._lapse)

    async def end(self) -> None:
        """Wait until nothing comes any more."""
        if self.count > 0:
            await self._ended.wait()
        inbox, self._inbox = self._inbox, None
        if inbox is not None:
            with suppress(Error):
                await inbox.unsubscribe()

    def drop(self) -> None:
        """Count none: the session has ended."""
        self.count = 0
        self._ended.set()
        if self._timer is not None:
            self._timer.cancel()

    async def _on_message(self, msg: Msg) -> None:
        status = (msg.headers or {}).get("Status")
        if status is None:
            self.count -= 1
            self._on_delivery(msg)
        elif status == EXPIRED:
            self.count -= int(msg.headers.get("Nats-Pending-Messages", 0))
            self._on_end()
        else:
            why = msg.headers.get("Description") or status
            self.session.fail(Unavailable(f"the server ended a request for messages: {why}"))
        if self.count <= 0:
            self._ended.set()

    def _lapse(self) -> None:
        """Count anew: some requests end without a status (2.9.10)."""
        self.count = 0
        self._ended.set()
        self._on_end()
