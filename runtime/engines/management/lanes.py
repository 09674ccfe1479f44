"""Lanes: what each worker of a consumer did in the last seconds, a bar a message."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct

SPAN = 10.0
"""Seconds that are kept."""
BARS = 200
"""The bars of a worker that are kept: of faster ones, the picture shows the last of them."""


class Bar(Struct, frozen=True, gc=False):
    """One message in the hands of a worker. Times are of the monotonic clock."""

    began: float
    ended: float | None
    """None for the message that it works on now."""
    failed: bool = False


class Lanes:
    """The lanes of all consumers. Fed by one thread; a reader gets copies."""

    def __init__(self) -> None:
        self._bars: dict[tuple[str, int], deque[Bar]] = {}
        self._busy: dict[tuple[str, int], float] = {}

    def take(
        self, consumer: str, worker: int, done: Iterable[tuple[float, float, str]], now: float
    ) -> None:
        """Add the messages that a worker has done: when it began, when it ended, its outcome."""
        bars = self._bars.setdefault((consumer, worker), deque(maxlen=BARS))
        bars.extend(Bar(began, ended, outcome != "ack") for began, ended, outcome in done)
        while bars and (bars[0].ended or now) < now - SPAN:
            bars.popleft()

    def hold(self, consumer: str, worker: int, since: float | None) -> None:
        """Note since when a worker has its message in hand; None if it waits for one."""
        if since is None:
            self._busy.pop((consumer, worker), None)
        else:
            self._busy[consumer, worker] = since

    def forget(self, consumer: str) -> None:
        """Drop the lanes of a consumer that is gone."""
        self._bars = {key: bars for key, bars in self._bars.items() if key[0] != consumer}
        self._busy = {key: since for key, since in self._busy.items() if key[0] != consumer}

    def of(self, consumer: str) -> Sequence[Sequence[Bar]]:
        """The bars of each worker of a consumer, by the worker's number."""
        numbers = sorted(number for name, number in self._bars if name == consumer)
        lanes = []
        for number in numbers:
            key = (consumer, number)
            now = [Bar(self._busy[key], None)] if key in self._busy else []
            lanes.append([*self._bars[key], *now])
        return lanes
