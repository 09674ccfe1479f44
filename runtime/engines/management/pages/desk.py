"""Desk: what the pages ask of the management listener, and the sight of an application they get."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from runtime.engines.management.catalog import Catalog
from runtime.engines.management.history import History
from runtime.engines.management.lanes import Lanes
from runtime.engines.management.snapshot import Snapshot
from runtime.engines.web.exchange import Exchange


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
    lanes: Lanes
    now: float
    """Seconds since 1970."""
    monotonic: float
    """The same moment on the clock of the lanes."""
    right: Right = Right()


class Desk(Protocol):
    """The listener, as the pages use it."""

    def sight(self, exchange: Exchange) -> Sight:
        """The newest snapshot, and all that goes with it."""
        ...

    async def ask(self, operation: str, **arguments: Any) -> Any:
        """The result of an operation on the application's main loop.

        Raises LoopBlocked if that does not begin it within 2 s, and Refused.
        """
        ...
