"""Telling: a worker tells its parent how it is, and does what that asks for."""

from __future__ import annotations

import threading

import msgspec

from runtime.engines.management.report import Report
from runtime.engines.management.snapshot import Snapshot
from runtime.engines.management.traces.traces import INTERVAL, Traces
from runtime.handlers.watchdog import Watchdog
from runtime.program.channel import Channel
from runtime.program.management import Pulsing


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
        channel.serve(pulsing.loop, pulsing.operations())
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
