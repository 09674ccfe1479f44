"""Chart: series as SVG, drawn by the server.

Outside there is no viewBox, so that texts keep their size and percentages do the rest; lines are
drawn in a stretched picture inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from runtime.engines.management.history import POINTS, STEP
from runtime.engines.management.pages import words
from runtime.engines.management.pages.markup import e
from runtime.engines.management.pages.sight import Sight

_POINTS = 60
_SHORT = 300.0
"""Seconds below which times are told with theirs."""
_NICE = (1, 2, 2.5, 4, 5, 6, 8, 10)


def thinned(values: Sequence[float], most: int = _POINTS) -> list[float]:
    """At most so many points, each the largest of those that it stands for. One that is not known
    is as the one before it.
    """
    known = values
    if math.isnan(sum(values)):
        last, known = 0.0, []
        for value in values:
            last = last if math.isnan(value) else value
            known.append(last)
    size = max(1, math.ceil(len(known) / most))
    first = len(known) % size
    groups = [known[:first]] if first else []
    groups += [known[at : at + size] for at in range(first, len(known), size)]
    points = [max(group) for group in groups]
    return points * 2 if len(points) == 1 else points or [0.0, 0.0]


def sparkline(values: Sequence[float], tone: str, *, id: str = "", size: str = "") -> str:
    """A line with an area below it, from zero, without words."""
    points = thinned(values)
    high = max(points) or 1.0
    line = " ".join(
        f"{100 * at / (len(points) - 1):.1f},{29 - 26 * value / high:.1f}"
        for at, value in enumerate(points)
    )
    part = f' data-part="{e(id)}"' if id else ""
    return (
        f'<svg class="spark c-{tone}"{part}{size} viewBox="0 0 100 30" preserveAspectRatio="none"'
        f' aria-hidden="true"><polygon class="a" points="0,30 {line} 100,30"/>'
        f'<polyline class="l" points="{line}"/></svg>'
    )


def floor(
    values: Sequence[float], tone: str, box: tuple[float, float, float, float], id: str
) -> str:
    """A sparkline as the floor of a card of the graph, in the coordinates of the drawing."""
    points = thinned(values, 45)
    high = (max(points) or 1.0) * 1.05
    x, y, width, height = box
    step, base = (width - 2) / (len(points) - 1), y + height - 1
    line = " ".join(
        f"{x + 1 + step * at:.1f},{base - 22 * value / high:.1f}" for at, value in enumerate(points)
    )
    low = f"{base:.1f}"
    return (
        f'<g class="spark c-{tone}" data-part="{e(id)}" clip-path="inset(0 round 11px)">'
        f'<polygon class="a" points="{x + 1:.1f},{low} {line} {x + width - 1:.1f},{low}"/>'
        f'<polyline class="l" points="{line}"/></g>'
    )


def times(sight: Sight) -> list[str]:
    """The times along the foot of a chart of the history."""
    since = sight.history.since
    first = sight.now if since is None else max(since, sight.now - POINTS * STEP)
    steps = (first, first + (sight.now - first) / 2)
    until = 8 if sight.now - first < _SHORT else 5
    return [*(words.moment(at, sight.now)[:until] for at in steps), "now"]


class Row(Struct, frozen=True):
    """One line of a chart."""

    values: Sequence[float]
    tone: str
    filled: bool = False


def chart(
    rows: Sequence[Row],
    *,
    label: str,
    times: Sequence[str],
    id: str,
    limit: tuple[float, str] | None = None,
    least: float = 4.0,
) -> str:
    """A chart from zero up to a round number; `times` are told along its foot.

    `label` says in words what it shows; `limit` is a line with a name, shown if it is near.
    """
    drawn = [thinned(row.values, 90) for row in rows]
    peak = max((max(points) for points in drawn), default=0.0)
    if limit is not None and peak * 4 < limit[0]:
        limit = None
    top = _top(max(peak, least, limit[0] if limit else 0.0))
    height, head = 190, 10
    base = height - 22

    def at(value: float) -> str:
        return f"{base - (base - head) * value / top:.1f}"

    rules, texts = [], []
    for step in range(5):
        value = top * step / 4
        rules.append(f'<line class="grid" x1="0" x2="100%" y1="{at(value)}" y2="{at(value)}"/>')
        if step:
            texts.append(f'<text x="0" y="{float(at(value)) + 13:.1f}">{value:,.6g}</text>')
    last = max(1, len(times) - 1)
    for index, text in enumerate(times):
        anchor = "start" if index == 0 else "end" if index == last else "middle"
        texts.append(
            f'<text x="{100 * index / last:.1f}%" y="{height - 5}" text-anchor="{anchor}">'
            f"{e(text)}</text>"
        )
    if limit is not None:
        y = at(limit[0])
        rules.append(f'<line class="limit" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
        texts.append(
            f'<text x="100%" y="{float(y) + 14:.1f}" text-anchor="end">{e(limit[1])}</text>'
        )
    lines = []
    for row, points in zip(rows, drawn, strict=True):
        line = " ".join(
            f"{1000 * index / (len(points) - 1):.1f},{1000 * (1 - min(value, top) / top):.1f}"
            for index, value in enumerate(points)
        )
        if row.filled:
            lines.append(f'<polygon class="area c-{row.tone}" points="0,1000 {line} 1000,1000"/>')
        thin = "" if row.filled else " thin"
        lines.append(f'<polyline class="ln c-{row.tone}{thin}" points="{line}"/>')
    inner = (
        f'<svg x="0" y="{head}" width="100%" height="{base - head}" viewBox="0 0 1000 1000"'
        f' preserveAspectRatio="none">{"".join(lines)}</svg>'
    )
    return (
        f'<svg class="chart" role="img" aria-label="{e(label)}" data-part="{e(id)}">'
        f"{''.join(rules)}{inner}{''.join(texts)}</svg>"
    )


def segments(parts: Sequence[tuple[float, str]]) -> str:
    """Numbers as shares of one bar; one that is not 0 can be seen."""
    whole = sum(value for value, _ in parts)
    if not whole:
        return '<svg class="bar" aria-hidden="true"></svg>'
    shares = [(max(value, whole * 0.02) if value else 0.0, tone) for value, tone in parts]
    total = sum(share for share, _ in shares)
    at, drawn = 0.0, []
    for share, tone in shares:
        wide = 100 * share / total
        shown = max(0.0, wide - 0.3)
        drawn.append(f'<rect class="c-{tone}" x="{at:.2f}%" width="{shown:.2f}%" height="12"/>')
        at += wide
    return f'<svg class="bar" aria-hidden="true" data-part="states">{"".join(drawn)}</svg>'


def _top(value: float) -> float:
    """A round number that is not below the value."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in _NICE if power * step >= value * 0.999)
