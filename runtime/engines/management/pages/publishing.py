"""Publishing: the form that publishes a message, and what is wrong with what it sent."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from runtime.codec import decode
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import badge, e, icon, link, panel, path
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.rights import FORM_TOKEN

_NUMBER = re.compile(r"[+-]?\d{1,9}")
_HINTS = {
    "body": "JSON. A text stands in quotes.",
    "delay": "30s, 5m, 2h: not before that",
    "priority": "a higher one goes first",
    "unique": "no second message of this key waits",
    "headers": "name: value, one a line",
}


class Draft(Struct, frozen=True):
    """A message as somebody typed it."""

    body: str = ""
    delay: str = ""
    priority: str = ""
    unique: str = ""
    headers: str = ""


class Invalid(ValueError):
    """A field that says something that no message can have."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field
        self.text = text


def read(draft: Draft) -> dict[str, Any]:
    """The arguments of `queue.publish`. Raises Invalid."""
    return {
        "body": _body(draft.body),
        "delay": draft.delay.strip() or None,
        "priority": _priority(draft.priority.strip()),
        "unique": draft.unique.strip() or None,
        "headers": _headers(draft.headers) or None,
    }


def render(sight: Sight, queue: str, draft: Draft, field: str = "", error: str = "") -> str:
    """The form; with `error`, what is wrong with a field, or with all if that has no name."""
    address = path("queues", queue, "publish")
    wrong = (
        f'<p class="note bad" id="wrong" role="alert">{icon("error")}<span>{e(error)}</span></p>'
        if error
        else ""
    )
    held = f'<input type="hidden" name="{FORM_TOKEN}" value="{e(sight.right.token)}">'
    why = "" if sight.right.may_act else e(f"Read-only: {sight.right.why}")
    disabled = f' disabled title="{why}"' if why else ""
    inner = f"""{wrong}<form class="sheet" method="post" action="{address}">{held}
{_area("body", "Body", draft.body, 9, field)}
<div class="sheet three">{_line("delay", "Delay", draft.delay, field)}
{_line("priority", "Priority", draft.priority, field)}
{_line("unique", "Unique key", draft.unique, field)}</div>
{_area("headers", "Headers", draft.headers, 3, field)}
<p class="filter"><button class="btn main"{disabled}>{icon("plus")}<span>Publish</span></button>
{link(path("queues", queue), "Back to the queue")}<span class="sub">{why}</span></p></form>"""
    head = f'{badge("queue")}<span class="mono">{e(queue)}</span>'
    title = f"Publish into {queue}"
    shown = panel("Publish a message", inner, hint="as a handler does; the log tells of it")
    return frame("queues", title, sight, f'<div class="stack">{shown}</div>', head=head)


def _area(name: str, label: str, text: str, rows: int, wrong: str) -> str:
    # A line break right behind the tag is not part of the text.
    return (
        f"<p>{_label(name, label)}"
        f'<textarea class="field mono" id="{name}" name="{name}" rows="{rows}" spellcheck="false"'
        f"{_told(name, wrong)}>\n{e(text)}</textarea></p>"
    )


def _line(name: str, label: str, text: str, wrong: str) -> str:
    return (
        f"<p>{_label(name, label)}"
        f'<input class="field mono" id="{name}" name="{name}" value="{e(text)}" autocomplete="off"'
        f"{_told(name, wrong)}></p>"
    )


def _label(name: str, label: str) -> str:
    hint = f'<span class="sub" id="{name}-hint">{_HINTS[name]}</span>'
    return f'<label for="{name}">{label}</label>{hint}'


def _told(name: str, wrong: str) -> str:
    if name == wrong:
        return f' aria-describedby="wrong {name}-hint" aria-invalid="true" autofocus'
    return f' aria-describedby="{name}-hint"'


def _body(text: str) -> Any:
    if not text.strip():
        raise Invalid("body", "the body is empty; null is the smallest message")
    try:
        return decode(text.encode())
    except ValueError as error:
        raise Invalid("body", f'the body is not JSON: {error}; a text is "in quotes"') from None


def _priority(text: str) -> int:
    if text and not _NUMBER.fullmatch(text):
        raise Invalid("priority", f"the priority is '{text}', not a whole number")
    return int(text or 0)


def _headers(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or not name.strip():
            raise Invalid("headers", f"line {number} of the headers is no 'name: value'")
        found[name.strip()] = value.strip()
    return found
