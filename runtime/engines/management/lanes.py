"""Lanes: what each worker of a consumer did in the last seconds, a bar a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

SPAN = 10.0
"""Seconds that are shown at most."""
MOST = 32
"""Workers of a consumer that are shown."""


class Bar(Struct, frozen=True, gc=False):
    """One message in the hands of a worker. Times are seconds before the present moment."""

    began: float
    ended: float | None
    """None for the message that it works on now."""
    failed: bool = False


class Lanes(Struct, frozen=True):
    """The lanes of consumers at one moment."""

    consumers: Mapping[str, Sequence[Sequence[Bar]]] = {}
    """The bars of each worker, the oldest first, by the consumer's id."""

    def of(self, consumer: str) -> Sequence[Sequence[Bar]]:
        return self.consumers.get(consumer, ())

    def mean(self, consumer: str) -> float | None:
        """Seconds that a message takes; None if too few are known: fewer than there are workers."""
        lanes = self.of(consumer)
        took = [bar.began - bar.ended for lane in lanes for bar in lane if bar.ended is not None]
        return sum(took) / len(took) if len(took) >= len(lanes) > 0 else None


Worked = Sequence[tuple[Sequence[tuple[float, float, bool]], float | None]]
"""Of each worker: when a message began and ended, and if it did well; since when one is in hand."""


def bars(worked: Worked, now: float) -> list[list[Bar]]:
    """The bars of a consumer's workers; times are of the monotonic clock."""
    lanes = []
    for done, since in worked[:MOST]:
        lane = [
            Bar(round(now - began, 4), round(now - ended, 4), not well)
            for began, ended, well in done
            if now - ended < SPAN
        ]
        if since is not None:
            lane.append(Bar(round(now - since, 4), None))
        lanes.append(lane)
    return lanes
