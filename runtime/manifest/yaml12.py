"""YAML 1.2 read by libyaml, which reads 1.1: what differs is disguised before, and restored after.

In 1.2 a plain scalar in brackets may begin with `:` or `?`, as `{addr: :8080}` does, and U+0085,
U+2028 and U+2029 are no line breaks. Such a character is replaced by one of private use, which has
no meaning in YAML; so all positions stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPECIAL = re.compile(
    r"(?<![^ \t\r\n\[{,])[:?](?=[^ \t\r\n,\[\]{}])"  # an indicator is followed by a space
    "|[\u0085\u2028\u2029]"
)
_MISPLACED_COMMENT = re.compile(r"['\"\]}]#")
_CHARACTERS = ":?\u0085\u2028\u2029"
_PRIVATE = range(0xE000, 0xF8FF)
_CLOSING = ("'", '"', "]", "}")


def disguise(text: str) -> tuple[str, Mapping[int, str]]:
    """Replace what libyaml would misread.

    Returns the text to parse, and a table for `str.translate` that restores what it holds; the
    table is empty if nothing was replaced.
    """
    if _SPECIAL.search(text) is None:
        return text, {}
    used = {ord(char) for char in text if "\ue000" <= char <= "\uf8ff"}
    free = (code for code in _PRIVATE if code not in used)
    disguises = dict(zip(_CHARACTERS, map(chr, free), strict=False))

    def replaced(match: re.Match[str]) -> str:
        char = match[0]
        is_value = char == ":" and _ends_with_quote_or_bracket(text, match.start())
        return char if is_value else disguises.get(char, char)

    return _SPECIAL.sub(replaced, text), {ord(new): old for old, new in disguises.items()}


def _ends_with_quote_or_bracket(text: str, end: int) -> bool:
    """True for `"key" :value`, where the colon is an indicator although no space follows it."""
    while end and text[end - 1] in " \t\r\n":
        end -= 1
    return text[max(end - 1, 0) : end] in _CLOSING


def may_have_misplaced_comment(text: str) -> bool:
    """True if a `#` follows a closing quote or bracket without white space, anywhere.

    libyaml reads a comment there and drops it; in 1.2 it is an error.
    """
    return _MISPLACED_COMMENT.search(text) is not None


def lines(text: str) -> list[str]:
    """The lines of a text as YAML 1.2 and editors count them."""
    return re.split(r"\r\n|\n|\r", text)
