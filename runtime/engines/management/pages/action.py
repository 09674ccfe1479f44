"""Action: a button that does something, in a form of its own, or opens what only those may see who
may act; disabled without that right.
"""

from __future__ import annotations

from collections.abc import Mapping

from runtime.engines.management.pages.markup import e, icon
from runtime.engines.management.pages.sight import Right

ADDRESS = "/act"
"""The address that forms are sent to."""


def action(
    right: Right,
    operation: str,
    label: str,
    sign: str,
    fields: Mapping[str, str],
    *,
    back: str,
    tone: str = "",
    ask: str = "",
    inputs: str = "",
) -> str:
    """A form with one button. `back` is the page to return to; with `ask`, the script asks that
    before it is sent; `inputs` are further fields, as HTML.
    """
    if not right.may_act:
        return _disabled(right, label, sign, tone)
    hidden = {"operation": operation, "back": back, "form_token": right.token, **fields}
    held = "".join(
        f'<input type="hidden" name="{e(name)}" value="{e(value)}">'
        for name, value in hidden.items()
    )
    asked = f' data-ask="{e(ask)}"' if ask else ""
    return (
        f'<form class="inline" method="post" action="{ADDRESS}"{asked}>{held}{inputs}'
        f'<button class="btn {tone}" aria-label="{e(label)}">{icon(sign)}<span>{e(label)}</span>'
        "</button></form>"
    )


def opener(right: Right, label: str, sign: str, address: str, *, tone: str = "") -> str:
    """A link to a page that needs the right to act, in the look of a button."""
    if not right.may_act:
        return _disabled(right, label, sign, tone)
    return (
        f'<a class="btn {tone}" href="{address}" aria-label="{e(label)}">{icon(sign)}'
        f"<span>{e(label)}</span></a>"
    )


def _disabled(right: Right, label: str, sign: str, tone: str) -> str:
    why = e(f"Read-only: {right.why}")
    return (
        f'<button class="btn {tone}" type="button" disabled title="{why}"'
        f' aria-label="{e(label)}: {why}">{icon(sign)}<span>{e(label)}</span></button>'
    )
