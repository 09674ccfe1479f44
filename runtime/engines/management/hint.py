"""Hint: the concurrency with which a consumer would have kept up, computed from what it did."""

from __future__ import annotations

import math

from msgspec import Struct

from runtime.engines.management.history import History
from runtime.engines.management.lanes import Lanes
from runtime.engines.management.snapshot import QueueStatus
from runtime.engines.management.verdict import BACKLOG

_MARGIN = 1.1


class Hint(Struct, frozen=True):
    """A queue received more than its consumer can do."""

    queue: str
    consumer: str
    peak: float
    """The largest rate of the last 15 minutes, in messages a second."""
    capacity: float
    """Messages a second that the consumer can do."""
    mean: float
    """Seconds that its handler takes."""
    concurrency: int
    """The `concurrency` that it has."""
    wanted: int
    """The one that would have kept up: rate times mean."""


def hint(
    queue: QueueStatus, consumer: str, concurrency: int, history: History, lanes: Lanes
) -> Hint | None:
    """A hint on the consumer of a queue; None if it keeps up, or if too little is known of it."""
    mean = lanes.mean(consumer)
    if not mean:
        return None
    capacity, peak = concurrency / mean, history.peak(f"in {queue.id}")
    if peak <= capacity * _MARGIN or history.peak(f"ready {queue.id}") < BACKLOG:
        return None
    wanted = math.ceil(peak * mean)
    return Hint(queue.id, consumer, peak, capacity, mean, concurrency, wanted)
