"""Typed: a text from a variable as the value that YAML would read."""

from __future__ import annotations

from typing import Any

from runtime.manifest.document import parse
from runtime.manifest.scalar import scalar

_OPENING = ("[", "{", '"', "'")


def typed(text: str) -> Any:
    """Convert the text of a number, boolean or null, quoted text, a list `[…]` or mapping `{…}`.

    Any other text stays as it is, also one that is not YAML.
    """
    stripped = text.strip()
    if not stripped.startswith(_OPENING):
        try:
            value = scalar(stripped)
        except ValueError:
            return text
        return text if isinstance(value, str) else value
    document, findings = parse(text, "", "")
    return text if document is None or findings else document.data
