"""Management: the pulse of the application in this process, and who hears it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from runtime import __version__
from runtime.application.application import Application
from runtime.application.counting import Counting
from runtime.application.observation import Observation, application_name
from runtime.engines.management.listener import LONG_START, Listener, Settings
from runtime.engines.management.pulse import Pulse
from runtime.engines.management.snapshot import Blocked, Snapshot
from runtime.findings.display import display_path
from runtime.handlers.watchdog import Watchdog
from runtime.program.reloading import Reloading
from runtime.units import format_time

if TYPE_CHECKING:
    from runtime.engines.management.operation import Operation
    from runtime.engines.management.source import LocalSource
    from runtime.engines.management.traces.traces import Traces


class Pulsing:
    """Observes an application four times a second, from the start of its loop on."""

    def __init__(
        self,
        application: Application,
        reloading: Reloading,
        watchdog: Watchdog,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """To be made before the loop runs, in its thread."""
        self.application = application
        self.loop = loop
        self._reloading = reloading
        self._watchdog = watchdog
        self.counting = Counting(application, lambda: watchdog.blocks)
        self.pulse = Pulse(Observation(application, self.counting).observe)
        application.on_state = self.pulse.beat
        self.pulse.listeners.append(self.counting.count)
        self.pulse.start(loop)

    def operations(self) -> Mapping[str, Operation]:
        """All that others may ask for, by name."""
        from runtime.application.operations.table import all_operations  # not for the start
        from runtime.program.reload_operations import ReloadOperations

        reloads = ReloadOperations(self._reloading.reload, self.application.plan_reload)
        return {**reloads.of(), **all_operations(self.application)}

    def blocked(self) -> Blocked | None:
        """The handler that keeps the loop at this moment, if one does; for any thread."""
        held = self._watchdog.held
        if held is None:
            return None
        folder = display_path(self.application.linked.manifest.folder)
        where = held.line.partition(" (")[0].removeprefix(f"{folder}/")
        return Blocked(round(held.seconds, 3), held.entry or None, where or None)


class Listening:
    """Serves management beside an application, once that is ready or takes long to be."""

    def __init__(self, pulsing: Pulsing, settings: Settings, traces: Traces | None = None) -> None:
        self._traces = traces
        self._pulsing = pulsing
        self._began = monotonic()
        self._listener = Listener(settings, self._source)
        pulsing.pulse.listeners.append(self._listen)

    def stop(self) -> None:
        """End, once the application has."""
        self._pulsing.pulse.stop()
        self._listener.stop()

    def _listen(self, lag: float) -> None:
        # After the start: the listener's imports would take the processor from it.
        is_starting = self._pulsing.application.state == "starting"
        if not is_starting or monotonic() - self._began > LONG_START:
            self._listener.start()

    def _source(self) -> LocalSource:
        from runtime.application.outlook import outlook
        from runtime.engines.management.source import LocalSource

        pulsing = self._pulsing
        return LocalSource(
            pulsing.pulse,
            pulsing.operations(),
            pulsing.loop,
            pulsing.blocked,
            pulsing.counting.read,
            outlook(pulsing.application),
            self._traces,
        )


def parent_snapshot(folder: Path, started: float, state: str) -> Snapshot:
    """The state of a program that is only the parent of workers."""
    return Snapshot(
        application_name(folder), __version__, os.getpid(), format_time(started), 1, state
    )
