"""Sight: an application at one moment, as the pages show it to whoever looks."""

from __future__ import annotations

from msgspec import Struct

from runtime.engines.management.catalog import Catalog
from runtime.engines.management.history import History
from runtime.engines.management.lanes import Lanes
from runtime.engines.management.requeueing import Requeueing
from runtime.engines.management.snapshot import Snapshot
from runtime.engines.management.traces.routes import TraceSummary


class Right(Struct, frozen=True):
    """The right of whoever asks for a page."""

    may_act: bool = False
    why: str = "set RUNTIME_TOKEN to act"
    """If not: what to do about it."""
    token: str = ""
    """The value that forms carry, against requests from other pages."""
    signed_in: bool = False
    can_sign_in: bool = False
    """True if there is a token, and who asks has not given it yet."""


class Sight(Struct, frozen=True):
    """An application at one moment, for one who looks."""

    snapshot: Snapshot
    history: History
    catalog: Catalog
    now: float
    """Seconds since 1970."""
    right: Right = Right()
    failures: int = 0
    """Kinds of errors that happened in the last 15 minutes."""
    slowest: tuple[TraceSummary, ...] = ()
    """The slowest traces that are remembered."""
    lanes: Lanes = Lanes()
    """For the pages that draw them."""
    requeues: tuple[Requeueing, ...] = ()
    """Letters that are being delivered again, or were in the last minute."""
