"""Tracing: what is kept of the requests and messages of this program, and who is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.engines.management.traces.settings import Settings
from runtime.engines.management.traces.traces import Traces
from runtime.telemetry import Telemetry, current_span

if TYPE_CHECKING:
    from runtime.application.application import Application
    from runtime.engines.management.traces.exporter import Exporter
    from runtime.log.log import Log


class Tracing:
    """The traces of an application, from its log and its telemetry."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.traces = Traces(str(folder))
        self.telemetry = Telemetry(
            sink=self.traces,
            sample=settings.sample,
            slow=settings.slow,
            follows=settings.follows,
        )

        self._export = settings.export
        self._exporter: Exporter | None = None

    def start(self) -> None:
        """Begin to export, if that is wanted. Not before a fork."""
        if self._export is not None:
            from runtime.engines.management.traces.exporter import Exporter  # few want it

            self._exporter = Exporter(self.traces, self._export)
            self._exporter.start()

    def stop(self) -> None:
        """Export what is left, within two seconds."""
        if self._exporter is not None:
            self._exporter.stop()

    def listen(self, log: Log) -> None:
        """Take errors, and the lines of traces, from the log."""
        if self._export is not None:
            log.hide(self._export.headers.values())
        self.traces.lines.redact = log.redact
        log.taps += [self.traces.errors.tap, self.traces.lines.tap, _note]

    def redact_as(self, application: Application) -> None:
        """Take the application's secrets out of what is remembered."""
        if self._export is not None:
            application.scope.redactor.hide(self._export.headers.values())
        self.traces.redact = application.scope.redactor.redact


def _note(event: Mapping[str, Any], error: BaseException | None) -> None:
    """Add a line of the log to the trace that it was written in."""
    span = current_span()
    if span is not None:
        span.note(event["level"], event["message"])
