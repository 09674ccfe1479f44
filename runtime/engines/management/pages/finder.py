"""Finder: the field that filters a list: while one types, or without a script, by its form."""

from __future__ import annotations

from runtime.engines.management.pages.markup import e


def finder(what: str, text: str = "", **kept: str) -> str:
    """The field; `what` says what may be typed. The other values of the page's query are `kept`."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{e(value)}">'
        for name, value in kept.items()
        if value
    )
    return (
        f'<form class="filter" method="get" role="search">{hidden}'
        f'<input class="field" type="search" name="find" value="{e(text)}" placeholder="{e(what)}"'
        f' aria-label="Filter by {e(what)}" data-filter><kbd class="wide">/</kbd></form>'
    )


def row(cells: str, text: str, find: str, tag: str = "tr") -> str:
    """A row that the field looks at, for words in `text`; one without those of `find` is hidden."""
    known = text.lower()
    hidden = "" if all(word in known for word in find.lower().split()) else " hidden"
    return f'<{tag} data-find="{e(known)}"{hidden}>{cells}</{tag}>'
