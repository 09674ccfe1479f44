"""Kept: a sink of traces."""

from __future__ import annotations

from runtime.telemetry import Root, Span


class Kept:
    """A sink that remembers what it receives."""

    def __init__(self) -> None:
        self.traces: list[Root] = []
        self.late: list[Span] = []

    def keep(self, trace: Root) -> None:
        self.traces.append(trace)

    def add(self, trace: Root, span: Span) -> None:
        self.late.append(span)
