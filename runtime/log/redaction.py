"""Redaction: secrets taken out of texts before anybody reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

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
    """Replaces secrets, also where they were escaped for a log, a literal, JSON, HTML or a URL."""

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
    if form[:SHORTEST] not in text:
        return text
    for end in range(len(form) - 1, SHORTEST - 1, -1):
        if (beginning := f"{form[:end]}…") in text:
            return text.replace(beginning, f"{HIDDEN}…")
    return text


def _forms(secret: str) -> set[str]:
    """The secret as others may spell it, and each of these within a literal or JSON."""
    text = escape_surrogates(secret)
    tags = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    once = {
        *_escaped(secret),
        repr(text.encode())[2:-1],
        repr(b"\"'" + text.encode())[_QUOTES:-1],
        quote(text, safe=""),
        quote(text),
        quote_plus(text),
        tags,
        tags.replace('"', "&quot;").replace("'", "&#x27;"),  # as html.escape, a costly import
        tags.replace('"', "&#34;").replace("'", "&#39;"),
    }
    return once.union(*map(_escaped, once))


_QUOTES = len("b'\"\\'")
"""The length of the beginning of bytes with both quotes: then one of the two is escaped."""


def _escaped(text: str) -> set[str]:
    valid = escape_surrogates(text)
    in_json = msgspec.json.encode(valid).decode()[1:-1]
    for code in (0x85, 0x2028, 0x2029):
        in_json = in_json.replace(chr(code), f"\\u{code:04x}")
    return {
        text,
        valid,
        text.translate(ESCAPES),
        repr(text)[1:-1],
        repr("\"'" + text)[_QUOTES - 1 : -1],
        ascii(text)[1:-1],
        ascii("\"'" + text)[_QUOTES - 1 : -1],
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        in_json,
    }
