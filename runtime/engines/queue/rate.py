"""Rate: how many messages a consumer begins in a time, and a record of those that it began."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import msgspec

from runtime.codec import decode_trusted, encode

LAG = 0.05
"""Seconds: a message that could have begun so long ago may still begin, together with the next one.
Without this, each claim that is a little late would lower the rate.
"""
GRAIN = 0.000001
"""Seconds by which a time may be early: times since 1970 are floats of some 0.2 microseconds."""
GROUPS = 100
"""Parts of a record of which each has one time, that of its last message."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """`limit` messages in `per` seconds: never more in any span of that length, and evenly: one
    after `per / limit` seconds, however long there were none.
    """

    limit: int
    per: float

    @property
    def interval(self) -> float:
        """Seconds from one message to the next."""
        return self.per / self.limit


class Grants:
    """The messages that were begun within the latest `per` seconds, and when the next one may be.

    Times are seconds of any clock, which may be set back: what is later than now counts as now.
    """

    def __init__(self, due: float = 0.0, begun: Iterable[tuple[float, int]] = ()) -> None:
        """`due` is when the next one belongs; `begun` are times with the numbers of messages, the
        oldest first.
        """
        self.due = due
        self.begun = deque(begun)
        self.corrected = False
        """True if the clock was set back, or the rate was raised: store this, or it is so for ever.
        """

    @classmethod
    def decode(cls, text: str | None) -> Grants:
        """The record of a row's text; a new one of none."""
        if text is None:
            return cls()
        due, *begun = decode_trusted(text.encode())
        return cls(due, [(time, count) for time, count in begun])

    def encode(self) -> str:
        """The record as a row's text."""
        times = [[round(time, 6), count] for time, count in self.begun]
        return encode([round(self.due, 6), *times]).decode()

    def allowed(self, rate: Rate, now: float) -> int:
        """The number of messages that may begin now."""
        self._correct(rate, now)
        belong = 1 + math.floor((now - max(self.due, now - LAG) + GRAIN) / rate.interval)
        return max(0, min(belong, rate.limit - self._in_window()))

    def take(self, rate: Rate, now: float, count: int) -> None:
        """Record that so many begin now, which is at most what is `allowed`."""
        if not count:
            return
        self.due = max(self.due, now - LAG) + count * rate.interval
        if self.begun and self.begun[-1][1] + count <= math.ceil(rate.limit / GROUPS):
            count += self.begun.pop()[1]
        self.begun.append((now, count))

    def wait(self, rate: Rate, now: float) -> float:
        """Seconds until one more may begin; 0 if it may now."""
        wait = max(0.0, self.due - now)
        if self.begun and self._in_window() >= rate.limit:
            wait = max(wait, self.begun[0][0] + rate.per - now)
        return wait

    def _correct(self, rate: Rate, now: float) -> None:
        """Forget what is no longer in the window, and times that are later than they can be."""
        begun = self.begun
        while begun and begun[0][0] <= now - rate.per + GRAIN:
            begun.popleft()
        latest = now + rate.interval + GRAIN
        if self.due > latest or (begun and begun[-1][0] > now + GRAIN):
            self.begun = deque((min(time, now), count) for time, count in begun)
            self.due = min(self.due, now + rate.interval)
            self.corrected = True

    def _in_window(self) -> int:
        return sum(count for _, count in self.begun)
