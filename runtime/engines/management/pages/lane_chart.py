"""LaneChart: the lanes of a consumer's workers as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engines.management.lanes import SPAN, Bar
from runtime.engines.management.pages.markup import e
from runtime.units import format_count

_SHORTEST = 1.0
"""Seconds that the picture spans at least; its span is chosen so that bars can be told apart."""


def lane_chart(lanes: Sequence[Sequence[Bar]], workers: int, consumer: str) -> str:
    """A line a worker, a bar a message, the failed ones red. Of many workers, some are drawn."""
    span = _span(lanes)
    drawn = "".join(_lane(number, bars, span) for number, bars in enumerate(lanes, 1))
    more = workers - len(lanes)
    left = f'<p class="sub gap">… and {format_count(more, "more worker")}</p>' if more > 0 else ""
    ticks = "".join(f"<span>{_ago(span * part)}</span>" for part in (1.0, 2 / 3, 1 / 3))
    return (
        f'<div class="lane-chart" data-part="lanes {e(consumer)}"><ul class="lanes">{drawn}</ul>'
        f'<div class="lanes"><p><span></span><span>{ticks}<span>now</span></span></p></div>'
        f"{left}</div>"
    )


def _span(lanes: Sequence[Sequence[Bar]]) -> float:
    """The seconds to show: about thirty messages of the fastest worker."""
    took = [bar.began - bar.ended for lane in lanes for bar in lane if bar.ended is not None]
    if not took:
        return SPAN
    return min(SPAN, max(_SHORTEST, 30 * sum(took) / len(took)))


def _lane(number: int, bars: Sequence[Bar], span: float) -> str:
    rects, done, failed = [], 0, 0
    for bar in bars:
        ended = bar.ended or 0.0
        if ended > span:
            continue
        done += bar.ended is not None
        failed += bar.failed
        began = min(bar.began, span)
        x = 100 * (1 - began / span)
        wide = max(0.2, 100 * (began - ended) / span - 0.15)
        kind = "now" if bar.ended is None else "bad" if bar.failed else "ok"
        rects.append(f'<rect class="{kind}" x="{x:.2f}%" width="{wide:.2f}%" height="22" rx="3"/>')
    messages = format_count(done, "message")
    said = f"worker {number} in the last {span:.1f} s: {messages}, {failed} failed"
    drawn = f'<svg role="img" aria-label="{said}">{"".join(rects)}</svg>'
    return f"<li><span>worker {number}</span>{drawn}</li>"


def _ago(seconds: float) -> str:
    return f"{seconds:.2g} s ago"
