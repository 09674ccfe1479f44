"""Markup: texts as HTML, and the small pieces that pages are made of.

Every value that comes from outside of the pages goes through `e`. What the functions take as
`inner` and return is HTML already.
"""

from __future__ import annotations

from html import escape
from urllib.parse import quote, urlencode


def e(value: object) -> str:
    """Text for HTML, also inside of an attribute."""
    return escape(str(value))


def path(*steps: str) -> str:
    """An address of the dashboard, for an attribute: each step is one segment."""
    return e("/" + "/".join(quote(step, safe=":@") for step in steps))


def query(page: str, **values: str) -> str:
    """The address of a page with a query, for an attribute."""
    return e(f"{page}?{urlencode(values)}")


def icon(name: str, tone: str = "") -> str:
    return f'<svg class="i {tone}" aria-hidden="true"><use href="#i-{name}"/></svg>'


def badge(group: str, classes: str = "") -> str:
    """The sign of a kind of entries."""
    named = f"kind c-{group} {classes}".strip()
    return f'<span class="{named}">{icon(group)}</span>'


def chip(text: str, tone: str = "", sign: str = "") -> str:
    return f'<span class="chip {tone}">{icon(sign) if sign else ""}{e(text)}</span>'


def live(id: str, text: object, tag: str = "span", classes: str = "") -> str:
    """A text that the event stream keeps up to date."""
    named = f' class="{classes}"' if classes else ""
    return f'<{tag}{named} data-live="{e(id)}">{e(text)}</{tag}>'


def panel(
    title: str, inner: str, *, hint: str = "", side: str = "", id: str = "", body: bool = True
) -> str:
    """A box with a heading; without `body`, `inner` reaches to its edges."""
    named = f' id="{e(id)}"' if id else ""
    told = f'<span class="hint">{e(hint)}</span>' if hint else ""
    beside = f'<div class="side">{side}</div>' if side else ""
    held = f'<div class="body">{inner}</div>' if body else inner
    return (
        f'<section class="panel"{named}><header><h2>{e(title)}</h2>{told}{beside}</header>'
        f"{held}</section>"
    )


def empty(text: str) -> str:
    """Words in place of what is not there."""
    return f'<p class="empty">{e(text)}</p>'


def pairs(rows: list[tuple[str, str]]) -> str:
    """Names and values; the values are HTML."""
    return (
        '<dl class="kv">'
        + "".join(f"<dt>{e(name)}</dt><dd>{value}</dd>" for name, value in rows)
        + "</dl>"
    )


def current(here: bool) -> str:
    """The attribute of the one that is open, of several links."""
    return ' aria-current="true"' if here else ""


def mono(text: object) -> str:
    return f'<span class="mono">{e(text)}</span>'


def link(address: str, text: object, classes: str = "link") -> str:
    """A link; the address comes from `path`."""
    return f'<a class="{classes}" href="{address}">{e(text)}</a>'
