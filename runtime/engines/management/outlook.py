"""Outlook: what the pages show of an application beyond its present state."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from runtime.clock import Clock
from runtime.engines.management.catalog import Catalog
from runtime.engines.management.history import STEP, History
from runtime.engines.management.lanes import Lanes
from runtime.engines.management.snapshot import Snapshot

_LOOK = 1.0
"""Seconds between two looks at the application; every few of them are with its queues."""


class Watched(Protocol):
    """The application as an outlook sees it: a source."""

    def read(self) -> Snapshot: ...

    async def read_whole(self) -> Snapshot: ...


class Outlook:
    """History, lanes and catalog of one application; of management's own thread."""

    def __init__(self, catalog: Callable[[], Catalog], folder: Path, clock: Clock) -> None:
        """`catalog` gives the same one until the manifest changes. Below `folder`, absolute, is
        the application's own code.
        """
        self.catalog = catalog
        self.folder = folder
        self.clock = clock
        self.history = History()
        self.lanes = Lanes()

    async def watch(self, source: Watched) -> None:
        """Write the history, until this is cancelled."""
        looks = round(STEP / _LOOK)
        for number in itertools.count():
            snapshot = source.read() if number % looks else await source.read_whole()
            self.history.note(snapshot, self.clock.time())
            await asyncio.sleep(_LOOK)
