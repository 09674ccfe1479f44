"""Check: the result of a keeper's regular check, for the store on its event loop."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from runtime.engines.queue.sql.postgres.tenure import Tenure
from runtime.engines.queue.sql.store import Report


class Seen(msgspec.Struct, frozen=True):
    """The findings of a look at the tables: see `Report`."""

    is_to_prune: bool = False
    cancelling: Sequence[int] = ()
    paused: Collection[str] = ()


class Check(msgspec.Struct, frozen=True):
    """The result of a check."""

    tenure: Tenure | None
    """None while the session is lost, under which messages are held."""
    expired: bool = False
    rescued: Sequence[str] = ()
    due_in: float | None = None
    peers: int = 0
    seen: Seen = Seen()
    renewed: bool = False
    fault: str | None = None
    """The error of a check that failed; only `tenure` and `renewed` mean anything then."""

    def report(self) -> Report:
        """The part of it that a driver goes by."""
        seen = self.seen
        return Report(
            self.expired,
            self.rescued,
            self.due_in,
            self.fault,
            is_to_prune=seen.is_to_prune,
            cancelling=seen.cancelling,
            paused=seen.paused,
            renewed=self.renewed,
            held=self.tenure is not None,
        )
