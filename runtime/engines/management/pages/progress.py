"""Progress: letters that are being delivered again, in words and as a bar."""

from __future__ import annotations

from runtime.engines.management.operating import STOP
from runtime.engines.management.pages import words
from runtime.engines.management.pages.action import action
from runtime.engines.management.pages.markup import badge, chip, e, live, mono
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.requeueing import Requeueing

_LOOKS = {
    "running": ("accent", "retry", "being delivered again"),
    "done": ("ok", "ok", "delivered again"),
    "stopped": ("warn", "pause", "stopped"),
    "failed": ("bad", "x", "ended early"),
}


def progresses(sight: Sight) -> str:
    """A panel for each, in a box that the script replaces as they go on."""
    shown = "".join(_panel(each, sight) for each in sight.requeues)
    return f'<div class="rows stack" data-part="requeues">{shown}</div>'


def progress(each: Requeueing) -> str:
    """`312 of 1,000 · 50/s · about 14 s left`."""
    of = "" if each.total is None else f" of {each.total:,}"
    told = [f"{each.done:,}{of} delivered again"]
    if each.rate:
        told.append(each.rate)
    if (remaining := each.remaining) is not None:
        told.append(f"about {words.age(remaining)} left")
    if each.left:
        told.append(f"{each.left:,} not: {each.why}")
    elif each.why:
        told.append(each.why)
    return " · ".join(told)


def _panel(each: Requeueing, sight: Sight) -> str:
    tone, sign, said = _LOOKS.get(each.state, _LOOKS["running"])
    stop = (
        action(sight.right, STOP, "Stop", "x", {"queue": each.queue}, back="/dead")
        if each.state == "running"
        else ""
    )
    told = live(f"requeue {each.queue}", progress(each))
    return (
        f'<section class="panel progress" aria-label="Requeue of {e(each.queue)}">'
        f'<div class="cell">{badge("queue")}<div><p class="t">{mono(each.cause)}</p>'
        f'<p class="sub">{e(each.queue)} · {told}</p></div>{chip(said, tone, sign)}{stop}</div>'
        f"{_bar(each)}</section>"
    )


def _bar(each: Requeueing) -> str:
    if each.total is None and each.state == "running":
        return ""
    of = max(each.total or each.done, 1)
    share = 100 * min(each.done, of) / of
    return (
        '<svg class="bar" aria-hidden="true"><rect class="c-line" width="100%" height="12"/>'
        f'<rect class="c-work" width="{share:.1f}%" height="12"/></svg>'
    )
