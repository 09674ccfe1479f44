"""Holders: the calls that use components which are to be closed, so that it is done after them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.handlers.context import ApplicationContext


class Holders:
    """The calls that began with the same components."""

    def __init__(self) -> None:
        self.count = 0
        self._none = asyncio.Event()

    def leave(self) -> None:
        """One of them has ended."""
        self.count -= 1
        if not self.count:
            self._none.set()

    async def gone(self) -> None:
        """Wait until all have ended. To be called once no other begins."""
        if self.count:
            self._none.clear()
            await self._none.wait()


def holding(
    call: Callable[..., Awaitable[Any]], scope: ApplicationContext
) -> Callable[..., Awaitable[Any]]:
    """A call that counts among the present holders while it lasts."""

    async def call_holding(*arguments: Any) -> Any:
        holders = scope.holders
        holders.count += 1
        try:
            return await call(*arguments)
        finally:
            holders.leave()

    return call_holding
