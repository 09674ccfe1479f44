"""Management: the pulse of the application in this process, and who hears it."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from time import monotonic

import msgspec

from runtime import __version__
from runtime.application.application import Application
from runtime.application.counting import Counting
from runtime.application.observation import Observation, application_name, timestamp
from runtime.application.operations.table import all_operations
from runtime.application.outlook import outlook
from runtime.engines.management.listener import LONG_START, Listener, Settings
from runtime.engines.management.pulse import Pulse
from runtime.engines.management.report import Report
from runtime.engines.management.snapshot import Blocked, Snapshot
from runtime.engines.management.source import LocalSource
from runtime.engines.management.traces.traces import INTERVAL, Traces
from runtime.findings.display import display_path
from runtime.handlers.watchdog import Watchdog
from runtime.program.channel import Channel


class Pulsing:
    """Observes an application four times a second, from the start of its loop on."""

    def __init__(
        self, application: Application, watchdog: Watchdog, loop: asyncio.AbstractEventLoop
    ) -> None:
        """To be made before the loop runs, in its thread."""
        self.application = application
        self.loop = loop
        self._watchdog = watchdog
        self.counting = Counting(application, lambda: watchdog.blocks)
        self.pulse = Pulse(Observation(application, self.counting).observe)
        application.operations.update(all_operations(application))
        application.on_state = self.pulse.beat
        self.pulse.listeners.append(self.counting.count)
        self.pulse.start(loop)

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
        pulsing = self._pulsing
        return LocalSource(
            pulsing.pulse,
            pulsing.application.operations,
            pulsing.loop,
            pulsing.blocked,
            pulsing.counting.read,
            outlook(pulsing.application),
            self._traces,
        )


class Telling:
    """Tells the parent of this worker each pulse, and does what that asks for."""

    def __init__(
        self,
        pulsing: Pulsing,
        watchdog: Watchdog,
        channel: Channel,
        traces: Traces | None = None,
    ) -> None:
        self._pulsing = pulsing
        self._channel = channel
        self._ended = threading.Event()
        if traces is not None:
            traces.send_to_parent()
            # Not on the loop: to write traces down takes milliseconds.
            threading.Thread(
                target=self._tell_traces, args=(traces,), name="traces", daemon=True
            ).start()
        self._encode = msgspec.json.Encoder(enc_hook=str).encode
        channel.serve(pulsing.loop, pulsing.application.operations)
        pulsing.pulse.on_beat = self._tell
        watchdog.on_held = self._tell_blocked

    def stop(self) -> None:
        """Tell the last counts, once the application has ended."""
        self._pulsing.pulse.beat()
        self._pulsing.pulse.stop()
        self._ended.set()

    def _tell_traces(self, traces: Traces) -> None:
        """Until the end. While the parent does not read, they wait in their bounds."""
        while not self._ended.wait(INTERVAL):
            while self._channel.is_clear and (frame := traces.take()):
                self._channel.send("traces", frame.decode())

    def _tell(self, snapshot: Snapshot) -> None:
        report = Report(snapshot, self._pulsing.counting.read())
        self._channel.send("pulse", self._encode(report).decode(), droppable=True)

    def _tell_blocked(self) -> None:
        self._channel.send("blocked", self._encode(self._pulsing.blocked()).decode())


def parent_snapshot(folder: Path, started: float, state: str) -> Snapshot:
    """The state of a program that is only the parent of workers."""
    return Snapshot(
        application_name(folder), __version__, os.getpid(), timestamp(started), 1, state
    )
