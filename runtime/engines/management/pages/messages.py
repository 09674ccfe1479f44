"""Messages: those that a queue holds, without their bodies; one of them; and a body, asked for."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.engines.management.messages import MessagePage, MessageRow
from runtime.engines.management.pages import words
from runtime.engines.management.pages.action import action, opener
from runtime.engines.management.pages.finder import finder, row
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
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.snapshot import QueueStatus
from runtime.engines.queue.status import FINAL, Progress, Status

_ORDER = {"running": "In hand", "delayed": "Delayed", "ready": "Ready"}
"""The states in the order in which messages leave the queue, and their names."""
_LOOKS = {
    "queued": ("", "clock"),
    "running": ("ok", "play"),
    "retrying": ("warn", "retry"),
    "done": ("ok", "ok"),
    "dead": ("bad", "x"),
    "cancelled": ("", "x"),
}
_HEADERS = 4
"""Names of headers of a message that a row tells."""


def first(sight: Sight, queue: QueueStatus, found: Mapping[str, MessagePage] | str) -> str:
    """The first messages in each state, for the page of a queue; or in words why there are none."""
    if isinstance(found, str):
        return panel("Messages", empty(found))
    rows = "".join(
        f"<tr>{_cells(each, queue.id, sight)}</tr>"
        for state in _ORDER
        for each in found[state].messages
    )
    table = _table(rows) if rows else empty("It holds no message.")
    shown = f'<div class="rows" data-part="messages">{table}</div>'
    hint = "Payloads are shown one at a time, when asked for."
    return panel("Messages", shown, hint=hint, side=_states(queue), body=False)


def render_all(
    sight: Sight, queue: QueueStatus, state: str, found: MessagePage, after: str, find: str
) -> str:
    """A page of the messages in one state."""
    rows = "".join(
        row(_cells(each, queue.id, sight), " ".join((each.id, *each.headers)), find)
        for each in found.messages
    )
    name = _ORDER[state]
    none = "They have moved on meanwhile." if after else f"No message is {name.lower()}."
    here = path("queues", queue.id, "messages")
    steps = []
    if after:
        steps.append(_open(query(here, state=state), "home", "From the beginning"))
    if found.next is not None:
        steps.append(_open(query(here, state=state, after=found.next), "more", "The next ones"))
    more = f'<p class="filter pages">{"".join(steps)}</p>' if steps else ""
    shown = panel(
        name,
        (_table(rows) if rows else empty(none)) + more,
        hint="in the order in which they come",
        side=_states(queue, state) + finder("id or header", find, state=state, after=after),
        body=False,
    )
    head = (
        f'{badge("queue")}<span class="mono">{link(path("queues", queue.id), queue.id, "")}</span>'
    )
    title = f"Messages of {queue.id}"
    return frame("queues", title, sight, f'<div class="stack">{shown}</div>', head=head)


def render_one(sight: Sight, queue: str, told: Status, *, is_traced: bool) -> str:
    """The status of one message."""
    tone, sign = _LOOKS.get(told.status, ("", ""))
    head = f'<span class="mono">{e(told.id)}</span>{chip(told.status, tone, sign)}'
    facts = [
        ("Queue", link(path("queues", queue), queue)),
        ("Attempts begun", f"{told.attempt} of {told.max_attempts}"),
        *(
            (name, words.moment(at.timestamp(), sight.now))
            for name, at in (
                ("Published", told.published),
                ("Last attempt", told.started),
                ("Next attempt", told.next),
                ("Ended", told.ended),
            )
            if at is not None
        ),
    ]
    if told.progress is not None:
        facts.append(("Progress", e(_progress(told.progress))))
    if told.error is not None:
        facts.append(("Error", mono(f"{told.error.type}: {told.error.text}")))
    links = [_payload(sight, queue, told.id)] if told.status not in ("done", "cancelled") else []
    if is_traced:
        links.append(_open(path("traces", told.id), "trace", "Its trace"))
    if told.status == "dead":
        links.append(_open(query("/dead", queue=queue, id=told.id), "dead", "Its dead letter"))
    note = f'<p class="filter gap">{"".join(links)}</p>' if links else ""
    cancel = ""
    if told.status not in FINAL and not told.cancelling:
        back = path("queues", queue, "messages", told.id)
        cancel = action(
            sight.right, "task.cancel", "Cancel", "x", {"queue": queue, "id": told.id},
            back=back, tone="risk", ask=f"Cancel {told.id}?",
        )  # fmt: skip
    shown = panel("Message", pairs(facts) + note, hint="cancelling" if told.cancelling else "")
    body = f'<div class="stack">{shown}</div>'
    return frame("queues", told.id, sight, body, head=head, side=cancel)


def render_payload(sight: Sight, queue: str, id: str, text: str, size: int) -> str:
    """The body of one message, asked for."""
    back = link(path("queues", queue, "messages", id), "Back to the message")
    inner = (
        f'<pre class="code" tabindex="0" aria-label="Payload">{e(text)}</pre>'
        f'<p class="sub gap">{words.size(size)}. That it was shown is in the log. {back}</p>'
    )
    shown = panel(f"Payload of {id}", inner, hint=queue)
    return frame("queues", "Payload", sight, f'<div class="stack">{shown}</div>')


def _table(rows: str) -> str:
    return (
        '<table><thead><tr><th>Message</th><th>State</th><th class="n wide">Attempt</th>'
        '<th class="n">Published</th><th class="wide">Note</th><th class="wide"></th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _cells(each: MessageRow, queue: str, sight: Sight) -> str:
    address = path("queues", queue, "messages", each.id)
    name = f'<a class="name mono" href="{address}" title="{e(each.id)}">{e(_short(each.id))}</a>'
    return (
        f"<td>{name}</td><td>{_state(each)}</td>"
        f'<td class="n wide">{each.attempt or words.NONE}</td>'
        f'<td class="n">{words.ago(each.published, sight.now)} ago</td>'
        f'<td class="wide"><span class="sub">{_note(each, sight)}</span></td>'
        f'<td class="wide n">{_payload(sight, queue, each.id)}</td>'
    )


def _state(each: MessageRow) -> str:
    if each.state == "running":
        return chip("in hand", "ok", "play")
    if each.state == "delayed":
        return chip("retrying", "warn", "retry") if each.attempt else chip("delayed", "", "clock")
    return chip("ready", "", "queue")


def _note(each: MessageRow, sight: Sight) -> str:
    told = [] if each.due is None else [f"due in {words.until(each.due, sight.now)}"]
    if each.priority:
        told.append(f"priority {each.priority}")
    told.append(words.size(each.size))
    names = [*each.headers[:_HEADERS], *(["…"] if len(each.headers) > _HEADERS else [])]
    return " · ".join([*map(e, told), *([mono(", ".join(names))] if names else [])])


def _states(queue: QueueStatus, chosen: str = "") -> str:
    """Links to the messages in each state."""
    counts = {"running": queue.running, "delayed": queue.delayed, "ready": queue.ready}
    address = path("queues", queue.id, "messages")
    return '<span class="pick">' + "".join(
        f'<a href="{query(address, state=state)}"{current(state == chosen)}>'
        f"{name}<small>{words.count(counts[state])}</small></a>"
        for state, name in _ORDER.items()
    ) + "</span>"  # fmt: skip


def _payload(sight: Sight, queue: str, id: str) -> str:
    address = path("queues", queue, "messages", id, "payload")
    return opener(sight.right, "Payload", "eye", address, tone="quiet")


def _open(address: str, sign: str, text: str) -> str:
    return f'<a class="btn" href="{address}">{icon(sign)}<span>{e(text)}</span></a>'


def _progress(progress: Progress) -> str:
    share = f"{progress.part:.0%}"
    return f"{share} · {progress.text}" if progress.text else share


def _short(id: str) -> str:
    return id if len(id) <= 16 else f"{id[:8]}…{id[-4:]}"
