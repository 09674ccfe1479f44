"""Deadlines: the times by which a client must have sent or taken more."""

from __future__ import annotations

import math
from collections.abc import Callable

_MIN_PROGRESS = 16 * 1024
"""Bytes of a pending response that a client must take within the write time-out."""


class Deadlines:
    """The two deadlines of a connection, on the loop's clock. `Connections.tick` checks them.

    So requests need no timer of their own.
    """

    __slots__ = ("_now", "_pending", "input", "output")

    def __init__(self, now: Callable[[], float]) -> None:
        self.input = math.inf
        """When the client must have sent what the connection waits for."""
        self.output = math.inf
        """When the client must have taken more of the pending response."""
        self._now = now
        self._pending = 0

    def expect_input(self, seconds: float) -> None:
        self.input = self._now() + seconds

    def shorten_input(self, seconds: float) -> None:
        self.input = min(self.input, self._now() + seconds)

    def expect_output(self, pending: int, seconds: float) -> None:
        """Expect the client to take some of the `pending` bytes, if there are any."""
        self._pending = pending
        self.output = self._now() + seconds if pending else math.inf

    def is_stalled(self, pending: int) -> bool:
        """True if the client has taken too little since `expect_output`."""
        return pending > max(0, self._pending - _MIN_PROGRESS)

    def clear(self) -> None:
        self.input = self.output = math.inf
