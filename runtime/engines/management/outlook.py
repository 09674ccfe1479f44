"""Outlook: what the pages show of an application beyond its present state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec.structs import replace

from runtime.clock import Clock, until_beat
from runtime.engines.management.catalog import Catalog
from runtime.engines.management.history import STEP, History
from runtime.engines.management.snapshot import Snapshot
from runtime.engines.management.verdict import Deaths, verdict

if TYPE_CHECKING:
    from runtime.engines.management.requeueing import Requeues

_CAUSES = 50
"""Letters of a queue that are read for the cause of most."""
_LOOK = 1.0
"""Seconds between two looks at the application."""
_SHARE = 100
"""The time that looking at the queues took is so small a part of that until the next look."""


class Watched(Protocol):
    """The application as an outlook sees it: a source."""

    def read(self) -> Snapshot: ...

    async def read_whole(self) -> Snapshot: ...

    async def ask(self, operation: str, **arguments: Any) -> Any: ...


class Outlook:
    """History and catalog of one application; of management's own thread."""

    def __init__(self, catalog: Callable[[], Catalog], folder: Path, clock: Clock) -> None:
        """`catalog` gives the same one until the manifest changes. Below `folder`, absolute, is
        the application's own code.
        """
        self.catalog = catalog
        self.folder = folder
        self.clock = clock
        self.history = History()
        self._requeues: Requeues | None = None
        self._causes: Mapping[str, str] = {}
        self._dead = 0

    @property
    def requeues(self) -> Requeues:
        """The dead letters that are being delivered again."""
        if self._requeues is None:
            from runtime.engines.management.requeueing import Requeues  # few ask for them

            self._requeues = Requeues(self.clock)
        return self._requeues

    async def watch(self, source: Watched) -> None:
        """Write the history, until this is cancelled; so are requeues then."""
        try:
            await self._watch(source)
        finally:
            if self._requeues is not None:
                self._requeues.end()

    async def _watch(self, source: Watched) -> None:
        monotonic, due = self.clock.monotonic, 0.0
        loop = asyncio.get_running_loop()
        while True:
            began = monotonic()
            if began < due:
                self.history.note(source.read(), self.clock.time())
            else:
                snapshot = await source.read_whole()
                due = began + max(STEP, (monotonic() - began) * _SHARE)
                self.history.note(snapshot, self.clock.time())
                await self._look_for_causes(source, snapshot)
            await asyncio.sleep(until_beat(_LOOK, loop.time()))

    def judge(self, snapshot: Snapshot) -> Snapshot:
        """A snapshot with its verdict."""
        return replace(snapshot, verdict=verdict(snapshot, self._deaths(snapshot)))

    def _deaths(self, snapshot: Snapshot) -> Mapping[str, Deaths]:
        """The messages that died in the time of the history and are dead letters yet, by queue."""
        found = {}
        for queue in snapshot.queues:
            count = self.history.gained(f"dead {queue.id}", queue.dead)
            if queue.dead is not None:
                count = min(count, queue.dead)  # the others were requeued or dropped
            if count:
                found[queue.id] = Deaths(int(count), self._causes.get(queue.id))
        return found

    async def _look_for_causes(self, source: Watched, snapshot: Snapshot) -> None:
        """Read letters once there are more of them: of most, the cause is in the sentence."""
        dead = sum(queue.dead or 0 for queue in snapshot.queues)
        grown, self._dead = dead > self._dead, dead or self._dead
        if not grown:
            return
        with suppress(Exception):  # a store that cannot be asked: the sentence goes without
            from runtime.engines.management.letters import Letter, causes

            found = await source.ask("dead.letters", limit=_CAUSES)
            self._causes = causes(msgspec.convert(found, list[Letter]))
