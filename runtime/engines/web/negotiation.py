"""Negotiation: what a client accepts, and how much (RFC 9110, 12.4 and 12.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def weights(values: Iterable[str]) -> Mapping[str, float]:
    """Read the values of an `Accept…` header: each choice, in lower case, and its weight, 0 to 1.

    A choice whose weight is malformed is left out.
    """
    found: dict[str, float] = {}
    for value in values:
        for item in value.split(","):
            name, *parameters = item.split(";")
            weight = _weight(parameters)
            if weight is not None and (choice := name.strip().lower()):
                found[choice] = weight
    return found


def header_values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """All values of a header, which a client may send in several lines."""
    return [value.decode("latin-1") for key, value in headers if key == name]


def accepts_html(accepted: Mapping[str, float]) -> bool:
    """True if a client takes HTML: it says so, or says that it takes anything, or says nothing."""
    if not accepted:
        return True
    choices = ("text/html", "text/*", "*/*")
    return next((accepted[choice] > 0 for choice in choices if choice in accepted), False)


def _weight(parameters: Iterable[str]) -> float | None:
    """The weight among an item's parameters, 1 if there is none; None for a malformed one."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            return float(value) if _WEIGHT.fullmatch(value := value.strip()) else None
    return 1.0
