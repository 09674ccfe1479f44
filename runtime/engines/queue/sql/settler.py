"""Settler: the driver and its queue, as a subscription uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from runtime.clock import Clock
from runtime.engines.queue.sql.operations import Settle
from runtime.engines.queue.sql.store import Store

if TYPE_CHECKING:
    from runtime.engines.queue.sql.subscription import SqlSubscription


class Settler(Protocol):
    """The driver, as its queues and their subscriptions use it."""

    @property
    def clock(self) -> Clock: ...

    @property
    def store(self) -> Store: ...

    def settle_later(self, item: Settle, id: str) -> None:
        """Settle the message of that id when the database is available again."""
        ...

    def on_paused(self, queue: str, paused: bool) -> None:
        """The queue was paused or resumed."""
        ...

    def notify(self, queue: str) -> None:
        """Wake the consumers of a queue: a message is ready."""
        ...

    def schedule(self, delay: float) -> None:
        """Promote delayed messages after that many seconds."""
        ...


class SqlQueue(Protocol):
    """The queue, as its subscriptions use it."""

    @property
    def name(self) -> str: ...

    @property
    def driver(self) -> Settler: ...

    @property
    def retention(self) -> float | None: ...

    @property
    def paused(self) -> bool: ...

    @property
    def subscriptions(self) -> list[SqlSubscription]: ...

    def made_room(self) -> None:
        """A message was settled, and may be gone."""
        ...
