"""Tracing: what is kept of the requests and messages of this program, and who is told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.engines.management.traces.settings import Collector, Export, Settings
from runtime.engines.management.traces.traces import Traces
from runtime.telemetry import Telemetry, current_span

if TYPE_CHECKING:
    from runtime.application.application import Application
    from runtime.engines.management.traces.exporter import Exporter
    from runtime.log.log import Log


class Tracing:
    """The traces of an application, from its log and its telemetry."""

    def __init__(self, settings: Callable[[Collector | None], Settings], folder: Path) -> None:
        """`settings` are those for the collector that the manifest declares, or for none."""
        self.traces = Traces(str(folder))
        self.telemetry = Telemetry(sink=self.traces)
        self._settings = settings
        self._export: Export | None = None
        self._exporter: Exporter | None = None
        self._exporters: list[Exporter] = []
        """The present one, and earlier ones that still send what is theirs."""
        self._exported: Counter[str] = Counter()
        """By those that have ended."""
        self._is_started = False
        self._hiding: list[Callable[[Iterable[str]], object]] = []

    def follow(self, application: Application) -> None:
        """Go by the collector that the application declares, also when a reload changes it."""
        redactor = application.scope.redactor
        self.traces.redact = redactor.redact
        self._hide_by(redactor.hide)

        def configure() -> None:
            components = application.scope.components.values()
            declared = [each for each in components if isinstance(each, Collector)]
            self._configure(self._settings(declared[0] if declared else None))

        application.on_components = configure

    def start(self) -> None:
        """Begin to export, if that is wanted. Not before a fork."""
        self._is_started = True
        if self._export is not None:
            from runtime.engines.management.traces.exporter import Exporter  # few want it

            self._exporter = Exporter(self.traces, self._export)
            self._exporter.start()
            self._exporters.append(self._exporter)

    def exported(self) -> Mapping[str, int]:
        """The spans that were `sent` and `dropped`; empty if none were to be exported."""
        for each in [each for each in self._exporters if each.has_ended]:
            self._exporters.remove(each)
            self._exported.update(each.counts())
        return sum((Counter(each.counts()) for each in self._exporters), self._exported)

    def _configure(self, settings: Settings) -> None:
        self.telemetry.keep_also(
            settings.sample, settings.slow, settings.follows, settings.most_sampled
        )
        if settings.export == self._export:
            return
        self._export = settings.export
        if self._export is not None:
            for hide in self._hiding:
                hide(self._export.secrets)
        if self._exporter is not None:
            self.traces.fold()  # what has ended until now is for the previous one
            self._exporter.finish()
            self._exporter = self.traces.exported = None
        if self._is_started:
            self.start()

    def stop(self) -> None:
        """Export what is left, within two seconds."""
        if self._exporter is not None:
            self._exporter.stop()

    def listen(self, log: Log) -> None:
        """Take errors, and the lines of traces, from the log."""
        self._hide_by(log.hide)
        self._configure(self._settings(None))
        self.traces.lines.redact = log.redact
        log.taps += [self.traces.errors.tap, self.traces.lines.tap, _note]

    def _hide_by(self, hide: Callable[[Iterable[str]], object]) -> None:
        """Have it hide what the headers of a collector have, of the present one and of others."""
        self._hiding.append(hide)
        if self._export is not None:
            hide(self._export.secrets)


def _note(event: Mapping[str, Any], error: BaseException | None) -> None:
    """Add a line of the log to the trace that it was written in."""
    span = current_span()
    if span is not None:
        span.note(event["level"], event["message"])
