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

    def listen(self, log: Log) -> None:
        """Take errors, and the lines of traces, from the log."""
        log.taps += [self.traces.errors.tap, _note]

    def redact_as(self, application: Application) -> None:
        """Take the application's secrets out of what is remembered."""
        self.traces.redact = application.scope.redactor.redact


def _note(event: Mapping[str, Any], error: BaseException | None) -> None:
    """Add a line of the log to the trace that it was written in."""
    span = current_span()
    if span is not None:
        span.note(event["level"], event["message"])
