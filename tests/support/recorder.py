"""A listener of telemetry that keeps what it hears of a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.telemetry import Span


class Recorder:
    """Spans in the order of their ends, and events."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.events: list[tuple[str, str, Mapping[str, Any]]] = []

    def span_started(self, span: Span) -> None: ...

    def span_ended(self, span: Span) -> None:
        self.spans.append(span)

    def event(self, name: str, entry: str, span: Span | None, fields: Mapping[str, Any]) -> None:
        self.events.append((name, entry, fields))

    @property
    def commits(self) -> list[int]:
        return [fields["statements"] for name, _, fields in self.events if name == "sql.commit"]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def clear(self) -> None:
        """Forget how the table was made."""
        self.spans.clear()
        self.events.clear()


def operations(spans: list[Span]) -> list[str]:
    return [span.attributes["db.operation.name"] for span in spans]
