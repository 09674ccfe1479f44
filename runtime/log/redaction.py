"""Redaction: secrets taken out of texts before anybody reads them."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from runtime.codec import escape_surrogates

HIDDEN = "[hidden]"
SHORTEST = 4
"""Shorter values are not redacted: they occur in too many texts."""
_SHORTEST_LINE = 6
"""Lines of a longer secret, such as a key, are redacted one by one from this length on, since logs
show the first line of an error.
"""

# Control characters, and those that some readers take for the end of a line.
ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
ESCAPES |= {9: "\\t", 10: "\\n", 13: "\\r", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class Redactor:
    """Replaces secrets, also where they were escaped for a log, a literal, JSON or a URL."""

    def __init__(self) -> None:
        self._forms: list[str] = []

    def hide(self, secrets: Iterable[str]) -> None:
        """Redact these values too; those below SHORTEST characters stay."""
        forms = {*self._forms}
        for secret in secrets:
            if len(secret) >= SHORTEST:
                forms |= _forms(secret)
            lines = secret.splitlines()
            if len(lines) > 1:
                forms.update(line for line in lines if len(line) >= _SHORTEST_LINE)
        self._forms = sorted(forms, key=len, reverse=True)  # one may be part of another

    def redact(self, text: str) -> str:
        """The text without any of the secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
            if "…" in text:  # what was too long has been cut, maybe within a secret
                text = _without_beginning(text, form)
        return text


def _without_beginning(text: str, form: str) -> str:
    for end in range(len(form) - 1, SHORTEST - 1, -1):
        if (beginning := f"{form[:end]}…") in text:
            return text.replace(beginning, f"{HIDDEN}…")
    return text


def _forms(secret: str) -> set[str]:
    text = escape_surrogates(secret)
    json = msgspec.json.encode(text).decode()[1:-1]
    for code in (0x85, 0x2028, 0x2029):
        json = json.replace(chr(code), f"\\u{code:04x}")
    return {secret, secret.translate(ESCAPES), repr(secret)[1:-1], json, quote(text, safe="")}
