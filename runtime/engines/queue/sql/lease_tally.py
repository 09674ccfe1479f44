"""LeaseTally: what a driver notes of its lease, for whoever counts it."""

from __future__ import annotations


class LeaseTally:
    """The renewals and losses of a lease since they were taken last. Belongs to one event loop."""

    __slots__ = ("held", "lost", "renewals")

    def __init__(self) -> None:
        self.held = False
        """True while the driver has a lease, as of the last check of its store."""
        self.renewals = 0
        self.lost = 0
        """Times that what was held had been given to others."""

    def take(self) -> tuple[int, int]:
        """Renewals and losses; both begin anew."""
        taken = self.renewals, self.lost
        self.renewals = self.lost = 0
        return taken
