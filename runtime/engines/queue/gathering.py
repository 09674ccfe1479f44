"""Gathering: receives the messages of the next batch."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from runtime.clock import Clock
from runtime.engines.queue.batch import Batching
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.message import Message
from runtime.engines.queue.settlement import Settlement


class Gathering:
    """Waits for a first message without end, and for the others for a while only."""

    def __init__(self, settlement: Settlement, batching: Batching, clock: Clock) -> None:
        self._settlement = settlement
        self._subscription = settlement.subscription
        self._size = batching.size
        self._wait = batching.wait
        self._call_later = clock.call_later

    async def fill(self, deliveries: list[Delivery]) -> None:
        """Receive at least one message. Raises Closed; what was received by then, or before this
        was cancelled, is among the deliveries.
        """
        subscription = self._subscription
        self._add(deliveries, subscription.take() or await subscription.receive())
        if self._is_full(deliveries) or self._wait == 0:
            return
        over: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        timer = self._call_later(self._wait, partial(over.set_result, None))
        try:
            while not (self._is_full(deliveries) or over.done()):
                await self._receive(deliveries, over)
        finally:
            timer.cancel()

    def _is_full(self, deliveries: list[Delivery]) -> bool:
        """Take what is there. True if that is enough."""
        while len(deliveries) < self._size:
            if (message := self._subscription.take()) is None:
                return False
            self._add(deliveries, message)
        return True

    async def _receive(self, deliveries: list[Delivery], over: asyncio.Future[Any]) -> None:
        """Receive a message, if one comes before the time is over."""
        receiving: asyncio.Future[Any] = asyncio.ensure_future(self._subscription.receive())
        try:
            await asyncio.wait([receiving, over], return_when=asyncio.FIRST_COMPLETED)
        finally:
            receiving.cancel()
            await asyncio.wait([receiving])
            if not receiving.cancelled() and receiving.exception() is None:
                self._add(deliveries, receiving.result())
        if not receiving.cancelled():
            receiving.result()  # Closed

    def _add(self, deliveries: list[Delivery], message: Message) -> None:
        deliveries.append(Delivery(message, self._settlement))
