"""TimeAxis: the times of a trace as places, its long waits drawn short."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engines.management.pages import words

_LONG = 0.2
"""A wait that is a larger part of the time at work than that is drawn shorter."""
_SHORT = 0.12
"""The part of the time at work that it is drawn as."""
_LEAST = 0.15
"""Percent of the width that a bar has at least."""


class TimeAxis:
    """Gives the place of a time, in percent of the width."""

    def __init__(self, waits: Sequence[tuple[float, float]], duration: float) -> None:
        """`waits` are the times in which nothing was done."""
        self._duration = max(duration, 1e-9)
        merged = _merged(waits)
        working = max(self._duration - sum(end - start for start, end in merged), 1e-6)
        self._cuts = [
            (start, end, working * _SHORT) for start, end in merged if end - start > working * _LONG
        ]
        self._width = self._shown(self._duration)

    def at(self, time: float) -> float:
        return min(100.0, max(0.0, 100 * self._shown(time) / self._width))

    def bar(self, began: float, ended: float, tone: str, *, waits: bool) -> str:
        """The bar of a span; over a wait that is drawn shorter, with a sign of that."""
        x, width = self.at(began), max(_LEAST, self.at(ended) - self.at(began))
        kind = "wait" if waits else f"s c-{tone}"
        drawn = (
            f'<rect class="{kind}" x="{x:.2f}%" y="12" width="{width:.2f}%" height="13" rx="3"/>'
        )
        for start, end, _ in self._cuts:
            if began <= start and ended >= end and width > 3:
                middle = (self.at(start) + self.at(end)) / 2
                drawn += (
                    f'<svg x="{middle:.2f}%" y="10" width="1" height="17" overflow="visible">'
                    '<rect class="gapbg" x="-4" y="0" width="8" height="17"/>'
                    '<path class="cut" d="M-6 17 L-1 0 M1 17 L6 0"/></svg>'
                )
        return drawn

    def dot(self, time: float, bad: bool) -> str:
        kind = ' class="bad"' if bad else ""
        return f'<circle{kind} cx="{self.at(time):.2f}%" cy="6" r="2.6"/>'

    def rules(self) -> str:
        """Lines at the beginning and the end of what is drawn shorter."""
        places = (f"{self.at(time):.2f}%" for time in self._ticks()[1:-1])
        return "".join(f'<line class="g" x1="{x}" x2="{x}" y1="0" y2="100%"/>' for x in places)

    def draw(self) -> str:
        """The axis with its times, those that have room."""
        texts, last = [], -20.0
        ticks = self._ticks()
        for index, time in enumerate(ticks):
            x, is_last = self.at(time), index == len(ticks) - 1
            if not is_last and (x - last < 9 or x > 88):
                continue
            last = x
            anchor = "start" if index == 0 else "end" if is_last else "middle"
            told = words.duration(time) if time else "0"
            texts.append(f'<text x="{x:.2f}%" y="12" text-anchor="{anchor}">{told}</text>')
        said = "Time axis" + ("; long waits are drawn shorter than they were" * bool(self._cuts))
        return f'<svg class="axis" role="img" aria-label="{said}">{"".join(texts)}</svg>'

    def _ticks(self) -> list[float]:
        edges = [time for start, end, _ in self._cuts for time in (start, end)]
        if not edges:
            edges = [self._duration / 3, self._duration * 2 / 3]
        return [0.0, *edges, self._duration]

    def _shown(self, time: float) -> float:
        """The time without what is cut out of it."""
        shown = time
        for start, end, short in self._cuts:
            passed = max(0.0, min(time, end) - start)
            shown -= passed * (1 - short / (end - start))
        return shown


def _merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans without those that overlap."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
