"""FakeClock: the clock of the test kit, at a time that is the same in every run."""

from __future__ import annotations

from runtime.testing.clock import VirtualClock


class FakeClock(VirtualClock):
    """Starts at `now`, in seconds since 1970. Hand `clock` to what is tested."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        super().__init__(now)
