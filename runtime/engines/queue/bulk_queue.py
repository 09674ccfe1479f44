"""BulkQueue, BulkSubscription: drivers that accept and claim many messages in one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from runtime.engines.queue.message import Message
from runtime.engines.sql.contract import JoinableTransaction


@runtime_checkable
class BulkQueue(Protocol):
    """A driver's queue that accepts many messages in one step. To one without, they are published
    one by one, and a part of them may be accepted.
    """

    async def publish_many(
        self,
        messages: Sequence[Message],
        delay: float = 0.0,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        """Accept all of these messages, which have no unique key, in their order, or none of them.

        Otherwise as `DriverQueue.publish`. Raises Full if there is no room for all of them, at once
        if the queue could never hold as many.
        """
        ...


@runtime_checkable
class BulkSubscription(Protocol):
    """A subscription that claims as its receivers ask. To one without, each receiver is good for
    one message, and for what is claimed ahead.
    """

    at_once: int
    """The number of messages that each receiver can use now; 1 unless it is set."""
