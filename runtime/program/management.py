"""Management: the pulse and the listener of the application in this process."""

from __future__ import annotations

import asyncio
from time import monotonic

from runtime.application.application import Application
from runtime.application.counting import Counting
from runtime.application.observation import Observation
from runtime.application.operations import Operations
from runtime.application.outlook import outlook
from runtime.engines.management.listener import Listener, Settings
from runtime.engines.management.pulse import Pulse
from runtime.engines.management.snapshot import Blocked
from runtime.engines.management.source import LocalSource
from runtime.engines.management.traces.traces import Traces
from runtime.handlers.watchdog import Watchdog

LONG_START = 1.0
"""Seconds after which an application that is not ready yet can be asked too."""


class Management:
    """Observes an application, and listens once that is ready, or takes long to be."""

    def __init__(
        self,
        application: Application,
        settings: Settings,
        watchdog: Watchdog,
        traces: Traces | None = None,
    ) -> None:
        self._traces = traces
        self._application = application
        self._watchdog = watchdog
        self._began = monotonic()
        self._listening = False
        self._counting = Counting(application, lambda: watchdog.blocks)
        self._pulse = Pulse(Observation(application, self._counting).observe)
        Operations(application)
        self._listener = Listener(settings, self._source)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin. To be called before the loop runs, in its thread."""
        self._loop = loop
        self._application.on_state = self._pulse.beat
        self._pulse.listeners += [self._counting.count, self._listen]
        self._pulse.start(loop)

    def stop(self) -> None:
        """End, once the application has."""
        self._pulse.stop()
        self._listener.stop()

    def _listen(self, lag: float) -> None:
        # After the start: the listener's imports would take the processor from it.
        if not self._listening and (
            self._application.state != "starting" or monotonic() - self._began > LONG_START
        ):
            self._listening = True
            self._listener.start()

    def _source(self) -> LocalSource:
        return LocalSource(
            self._pulse,
            self._application.operations,
            self._loop,
            self._blocked,
            self._counting.read,
            outlook(self._application),
            self._traces,
        )

    def _blocked(self) -> Blocked | None:
        held = self._watchdog.held
        if held is None:
            return None
        return Blocked(round(held.seconds, 3), held.entry or None, held.line or None)
