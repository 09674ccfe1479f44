"""PendingSettlements: those that are being written while their workers go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import Ending, NotHeld


class PendingSettlements:
    """The settlements of one consumer that no worker waits for. Belongs to one event loop."""

    def __init__(self, ignore: Callable[[Delivery], None]) -> None:
        """`ignore` is called with a delivery whose message was no longer held."""
        self._ignore = ignore
        self._deliveries: dict[Ending, Delivery] = {}
        self._ended: asyncio.Future[None] | None = None
        self._failed: list[Delivery] = []
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails with the first error of a driver, and ends in no other way."""

    def __len__(self) -> int:
        return len(self._deliveries)

    @property
    def unsettled(self) -> list[Delivery]:
        """The deliveries whose settlement has failed, or is not done."""
        return [*self._failed, *self._deliveries.values()]

    def add(self, delivery: Delivery, settled: Ending) -> None:
        """Follow a settlement to its end."""
        self._deliveries[settled] = delivery
        settled.add_done_callback(self._on_settled)

    def ended(self) -> asyncio.Future[None]:
        """A future that is done once none of them is being written."""
        if self._ended is None or self._ended.done():
            self._ended = asyncio.get_running_loop().create_future()
            if not self._deliveries:
                self._ended.set_result(None)
        return self._ended

    async def finish(self) -> None:
        """Wait for all of them. Raises the error of a driver."""
        await self.ended()
        if self.failure.done():
            self.failure.result()

    def _on_settled(self, settled: Ending) -> None:
        delivery = self._deliveries.pop(settled)
        error: BaseException | None
        error = asyncio.CancelledError() if settled.cancelled() else settled.exception()
        if isinstance(error, NotHeld):
            self._ignore(delivery)
        elif error is not None:
            delivery.settled = False
            self._failed.append(delivery)
            if not self.failure.done():
                self.failure.set_exception(error)
                self.failure.exception()  # retrieved, also if the consumer ends for another reason
        if self._ended is not None and not self._deliveries and not self._ended.done():
            self._ended.set_result(None)
