"""Schedules: every schedule with its next planned times."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from runtime.engines.management.pages import words
from runtime.engines.management.pages.action import action
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import badge, e, empty, link, panel, path
from runtime.engines.management.pages.sight import Sight


class ScheduleStatus(Struct, frozen=True):
    """One schedule.cron."""

    id: str
    times: str
    """`30 2 * * 1-5` or `every 15m`, with its zone."""
    target: str
    """The queue or the function."""
    next: tuple[str, ...] = ()
    """The next planned times, in ISO 8601, in UTC."""
    last: str | None = None
    """The last one that was fired."""


def render(sight: Sight, plans: Sequence[ScheduleStatus]) -> str:
    rows = "".join(
        f'<tr><td><div class="cell">{badge("proc", "wide")}<div class="two-line">'
        f"{link(path('entries', each.id), each.id, 'name mono')}<small>{e(each.times)}</small>"
        f'</div></div></td><td>{_next(each, sight)}</td><td class="wide">{e(each.target)}</td>'
        f'<td class="n wide">{words.moment(each.last, sight.now)}</td>'
        f'<td class="n">{_fire(each, sight)}</td></tr>'
        for each in plans
    )
    table = (
        '<table><thead><tr><th>Schedule</th><th>Next</th><th class="wide">Does</th>'
        '<th class="n wide">Fired last</th><th class="n"><span class="sr">Fire</span></th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
        if plans
        else empty("This application has no schedule. An entry of kind schedule.cron makes one.")
    )
    shown = panel("All schedules", table, hint="times of this machine's zone", body=False)
    return frame("schedules", "Schedules", sight, f'<div class="stack">{shown}</div>')


def _next(plan: ScheduleStatus, sight: Sight) -> str:
    if not plan.next:
        return words.NONE
    first, *rest = plan.next
    then = ", ".join(words.moment(at, sight.now) for at in rest[:2])
    told = f"<small>then {then}</small>" if then else ""
    return (
        f'<div class="two-line"><b class="num">{words.moment(first, sight.now)}</b>'
        f"<small>in {words.until(first, sight.now)}</small>{told}</div>"
    )


def _fire(plan: ScheduleStatus, sight: Sight) -> str:
    ask = f"Fire {plan.id} now?"
    return action(
        sight.right, "schedule.fire", "Fire", "play", {"id": plan.id}, back="/schedules", ask=ask
    )
