"""Batch: several messages in the hands of one call of a handler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.settlement import Settlement


class Batching(msgspec.Struct, frozen=True, kw_only=True):
    """The way in which a consumer gathers batches."""

    size: int
    """The most messages of one."""
    wait: float
    """Seconds that one waits for more after its first message."""


class Batch(Delivery):
    """The subject of the call; `deliveries` is the value of `queue.messages()`.

    As a delivery it is the first of them, by which log lines name it. Each is settled by itself, by
    the handler or else by its result.
    """

    deliveries: Sequence[Delivery] = ()

    @property
    def log_ids(self) -> Mapping[str, object]:
        return {"message_id": self.message.id, "batch": len(self.deliveries)}

    @property
    def unsettled(self) -> list[Delivery]:
        """Those that the handler did not settle."""
        return [each for each in self.deliveries if not each.settled]


def batch_of(deliveries: Sequence[Delivery], settlement: Settlement) -> Batch:
    """A batch of at least one delivery."""
    return Batch(deliveries[0].message, settlement, deliveries=deliveries)
