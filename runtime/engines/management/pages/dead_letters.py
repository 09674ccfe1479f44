"""DeadLetters: the messages that gave up, by cause, the user's line first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runtime.engines.management.letters import MOST, Excerpt, Frame, Group, Letter
from runtime.engines.management.pages import words
from runtime.engines.management.pages.action import action, opener
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import (
    badge,
    chip,
    current,
    e,
    empty,
    icon,
    link,
    mono,
    pairs,
    panel,
    path,
    query,
)
from runtime.engines.management.pages.progress import progresses
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.pages.source_lines import source_lines
from runtime.units import format_count

_REASONS = {
    "attempts": "attempts spent",
    "rejected": "rejected",
    "invalid": "invalid",
    "crashed": "crashed",
}
_RATES = (
    '<select class="field wide" name="rate" aria-label="How fast">'
    '<option value="">at once</option>'
    + "".join(f"<option>{rate}</option>" for rate in ("1/s", "10/s", "50/s", "200/s"))
    + "</select>"
)
_LISTED = 50
"""Letters of a group that are listed."""


def render(
    sight: Sight,
    groups: Sequence[Group],
    chosen: Group | None,
    letter: Letter | None,
    source: Excerpt,
    *,
    is_traced: bool = False,
) -> str:
    """The page; `source` are the lines around the place where the chosen letter's error arose, and
    `is_traced` tells that a trace of it is remembered.
    """
    count = sum(queue.dead or 0 for queue in sight.snapshot.queues)
    head = "Dead letters" + (chip(f"{count:,}", "bad", "dead") if count else "")
    if chosen is None or letter is None:
        text = (
            "There is none. A message is one when its attempts are spent, when it is rejected, or "
            "when it is not what its consumer takes."
        )
        body = f'<div class="stack">{progresses(sight)}{panel("By cause", empty(text))}</div>'
        return frame("dead", "Dead letters", sight, body, head=head)
    body = f"""{progresses(sight)}
<div class="two dead"><section class="stack" aria-label="One letter">
{_article(letter, sight, source, is_traced)}</section>
<div class="stack">{_causes(groups, chosen)}{_members(chosen, letter, sight)}</div></div>"""
    return frame("dead", "Dead letters", sight, body, head=head, side=_buttons(sight, chosen))


def _article(letter: Letter, sight: Sight, source: Excerpt, is_traced: bool) -> str:
    died = words.moment(letter.died, sight.now)
    reason = _REASONS.get(letter.reason, letter.reason)
    attempts = chip(format_count(letter.attempts, "attempt"))
    return f"""<article class="panel"><div class="trace-head"><p class="filter">
{chip(reason, "bad", "x")}{attempts}<span class="sub">{mono(letter.queue)} · died {died}</span></p>
<h2 class="mono">{e(letter.error or "The error is not known")}</h2></div>
{"".join(_frames(letter, source))}
<div class="frame-of"><p class="filter">
{opener(sight.right, f"Payload, {words.size(letter.size)}", "eye", _payload(letter), tone="quiet")}
<span class="sub">shown when you ask for it; that is logged</span></p></div>
<div class="body">{_story(letter, sight, is_traced)}</div></article>"""


def _payload(letter: Letter) -> str:
    return path("queues", letter.queue, "messages", letter.id, "payload")


def _frames(letter: Letter, source: Excerpt) -> Iterator[str]:
    """The user's own line with its source; the other calls folded away."""
    own = letter.own
    if own is not None:
        copy = (
            f'<button class="btn quiet" type="button" data-copy="{e(own.place)}" hidden>'
            f'{icon("copy")}<span class="sr">Copy the place</span></button>'
        )
        yield (
            f'<div class="frame-of own"><p class="where"><b class="mono">{e(own.place)}</b>'
            f'<span class="sub">in {e(own.function)} · yours</span>{copy}</p>'
            f"{_source(own, source)}</div>"
        )
    rest = [each for each in letter.frames if each is not own]
    if rest:
        rows = "".join(f"<li>{e(each.place)} in {e(each.function)}</li>" for each in rest)
        told = format_count(len(rest), "further call")
        yield (
            f'<div class="frame-of"><details><summary>{icon("more")}{told}</summary>'
            f'<ol class="sub mono">{rows}</ol></details></div>'
        )


def _source(own: Frame, source: Excerpt) -> str:
    """The lines as they are now; the one that failed is marked, unless it is another one."""
    lines = source_lines(source.first, source.lines, 0 if source.changed else own.line)
    shown = lines if source.lines else ""
    if not source.changed:
        return shown
    then = f"was {mono(own.code)}" if own.code else "may be another one now"
    told = f"The file has changed since: line {own.line} {then}"
    return f'<p class="note gap">{icon("error")}<span>{told}</span></p>{shown}'


def _story(letter: Letter, sight: Sight, is_traced: bool) -> str:
    """From the publication to the end."""
    lived = words.NONE
    if died := words.seconds_of(letter.died):
        lived = words.since(letter.published, died)
    steps = [
        ("in", "Published", words.moment(letter.published, sight.now)),
        ("", f"{format_count(letter.attempts, 'attempt')} · {letter.type}", f"over {lived}"),
        ("", "Gave up", words.moment(died, sight.now)),
    ]
    rows = "".join(
        f'<li class="{kind}"><span>{e(text)}</span><span class="sub num">{when}</span></li>'
        for kind, text, when in steps
    )
    trace = link(path("traces", letter.id), "all that happened to it")
    facts = pairs(
        [
            ("Message", mono(letter.id)),
            *([("Trace", trace)] if is_traced else []),
            ("Headers", mono(", ".join(letter.headers) or "none")),
            ("Requeued before", f"{letter.requeues} times" if letter.requeues else "never"),
        ]
    )
    return (
        f'<h3 class="gap">What happened</h3><ol class="tries gap">{rows}</ol>'
        f'<div class="gap">{facts}</div>'
    )


def _address(group: Group, letter: Letter | None = None) -> str:
    if letter is None:
        return query("/dead", cause=group.key)
    return query("/dead", cause=group.key, id=letter.id)


def _causes(groups: Sequence[Group], chosen: Group) -> str:
    rows = "".join(
        f'<li><a class="row{" on" if each.key == chosen.key else ""}" href="{_address(each)}"'
        f"{current(each.key == chosen.key)}>{badge('queue')}<div>"
        f'<p class="t">{e(each.newest.error or each.newest.reason)}</p>'
        f'<p class="sub">{mono(_place(each))} · {e(each.newest.queue)}</p></div>'
        f'<span class="end">{chip(f"{len(each.letters):,}", "bad")}</span></a></li>'
        for each in groups
    )
    told = format_count(len(groups), "cause")
    return panel("By cause", f'<ul class="list">{rows}</ul>', hint=told, body=False)


def _place(group: Group) -> str:
    own: Frame | None = group.newest.own
    return own.place if own else group.newest.reason


def _members(chosen: Group, letter: Letter, sight: Sight) -> str:
    rows = "".join(
        f'<li><a class="row{" on" if each.id == letter.id else ""}" href="{_address(chosen, each)}"'
        f"{current(each.id == letter.id)}><div>"
        f'<p class="t mono">…{e(each.id[-12:])}</p>'
        f'<p class="sub">{format_count(each.attempts, "attempt")}</p></div>'
        f'<span class="end">{words.moment(each.died, sight.now)}</span></a></li>'
        for each in chosen.letters[:_LISTED]
    )
    more = len(chosen.letters) - _LISTED
    if more > 0:
        rows += f'<li><p class="empty">… and {more:,} more</p></li>'
    first = chosen.newest
    mend = f"Mend {mono(first.own.place)} first; what" if first.own else "What"
    shell = mono(f"runtime dead requeue {first.queue} --error {first.type}")
    note = (
        f'<div class="body"><p class="note gap">{icon("lock")}<span>{mend} is requeued runs the '
        f"code that is loaded then. From a shell: {shell}</span></p></div>"
    )
    title = f"{format_count(len(chosen.letters), 'message')} of this cause"
    return panel(title, f'<ul class="list">{rows}</ul>{note}', body=False)


def _all(count: int) -> str:
    if count == 1:
        return "it"
    return f"all {count}" if count < MOST else "all"


def _buttons(sight: Sight, chosen: Group) -> str:
    count = len(chosen.letters)
    fields = {"queue": chosen.newest.queue, "cause": chosen.key}
    requeue = action(
        sight.right, "dead.requeue", f"Requeue {_all(count)}", "retry",
        fields, back="/dead", tone="main", inputs=_RATES,
    )  # fmt: skip
    ask = f"Delete {format_count(count, 'message')} for good?"
    drop = action(sight.right, "dead.drop", "Drop", "x", fields, back="/dead", tone="risk", ask=ask)
    return requeue + drop
