"""A telemetry listener that remembers what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.telemetry import Span


class Recorder:
    """Keeps spans in the order of their start and of their end, and events."""

    def __init__(self) -> None:
        self.started: list[Span] = []
        self.ended: list[Span] = []
        self.events: list[tuple[str, str, Span | None, dict[str, Any]]] = []

    def span_started(self, span: Span) -> None:
        self.started.append(span)

    def span_ended(self, span: Span) -> None:
        self.ended.append(span)

    def event(self, name: str, entry: str, span: Span | None, fields: Mapping[str, Any]) -> None:
        self.events.append((name, entry, span, dict(fields)))
