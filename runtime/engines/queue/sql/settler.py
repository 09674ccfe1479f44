"""Settler: the driver and its queue, as a subscription uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from runtime.clock import Clock
from runtime.engines.queue.sql.operations import Claim, Requeue, Settle
from runtime.engines.sql.contract import JoinableTransaction

if TYPE_CHECKING:
    from runtime.engines.queue.sql.subscription import SqlSubscription


class Settler(Protocol):
    """The driver, as its subscriptions use it. The futures raise NotHeld or Unavailable."""

    @property
    def clock(self) -> Clock: ...

    @property
    def owner(self) -> int:
        """The id of the lease to claim under. Raises Unavailable while the driver does not run."""
        ...

    def claim(self, item: Claim) -> asyncio.Future[Any]: ...

    @property
    def settle(self) -> Callable[[Settle], asyncio.Future[Any]]: ...

    def settle_in(self, transaction: JoinableTransaction, item: Settle) -> asyncio.Future[Any]: ...

    def settle_later(self, item: Settle, id: str) -> None:
        """Settle the message of that id when the database is available again."""
        ...

    def requeue(
        self, item: Requeue, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]: ...

    def after_commit(self, transaction: JoinableTransaction, callback: Callable[[], None]) -> None:
        """Call back on the event loop once a transaction is committed; never if it is not."""
        ...

    def notify(self, queue: str) -> None:
        """Wake the consumers of a queue: a message is ready."""
        ...

    def schedule(self, due: float) -> None:
        """Promote delayed messages at that time, in seconds since 1970."""
        ...


class SqlQueue(Protocol):
    """The queue, as its subscriptions use it."""

    @property
    def name(self) -> str: ...

    @property
    def driver(self) -> Settler: ...

    @property
    def subscriptions(self) -> list[SqlSubscription]: ...
