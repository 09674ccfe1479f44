"""Placeholder: `?` and `:name` in a statement, translated to PostgreSQL's `$1`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

TOKEN = re.compile(
    r"""(?P<skipped>
      (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z)
    | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
    | --[^\n]* | :: | := | \?\?[|&]? )
    | (?P<comment>/\*) | (?P<plain>\?) | :(?P<name>[A-Za-z_]\w*) | (?P<bracket>[\[\]])
    | (?P<mark>[;()]) | (?P<word>[^\W\d][\w$]*)""",
    re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(r"/\*|\*/")


class Placeholders(msgspec.Struct, frozen=True):
    """A statement with `$1`, `$2` … in place of its placeholders."""

    text: bytes
    count: int
    """The number of `?`."""
    names: tuple[str, ...]
    """The names in the order of their numbers, each once; empty with `?`."""


@lru_cache(maxsize=1024)
def translate(text: str) -> Placeholders:
    """Translate a statement. Raises ValueError for one that has both sorts of placeholders.

    Strings, names, comments and casts stay as they are; the operators `?`, `?|` and `?&` of JSON
    are written `??`, `??|` and `??&`. In `a[low:high]`, `:high` is the end of a slice.
    """
    parts: list[str] = []
    names: dict[str, int] = {}
    count = end = depth = 0
    for found in tokens(text):
        if found["bracket"]:
            depth += 1 if found["bracket"] == "[" else -1
        elif found["skipped"] and found[0].startswith("??"):
            parts += text[end : found.start()], found[0][1:]
            end = found.end()
        elif found["plain"]:
            count += 1
            parts += text[end : found.start()], f"${count}"
            end = found.end()
        elif found["name"] and not (depth > 0 and _ends_slice(text, found.start())):
            number = names.setdefault(found["name"], len(names) + 1)
            parts += text[end : found.start()], f"${number}"
            end = found.end()
    if names and count:
        raise ValueError("the statement has placeholders of both sorts, ? and :name; use one")
    return Placeholders("".join((*parts, text[end:])).encode(), count, tuple(names))


def tokens(text: str) -> Iterator[re.Match[str]]:
    """The tokens of a text that matter here, without what stands in comments."""
    position = 0
    while (found := TOKEN.search(text, position)) is not None:
        position = found.end()
        if found["comment"]:
            position = after_comment(text, position)
        elif not found[0].startswith("--"):
            yield found


def after_comment(text: str, position: int) -> int:
    """The end of a comment that was opened before `position`; comments may be nested."""
    depth = 1
    while depth and (found := _COMMENT.search(text, position)) is not None:
        depth += 1 if found[0] == "/*" else -1
        position = found.end()
    return len(text) if depth else position


def _ends_slice(text: str, colon: int) -> bool:
    """True if the colon follows a value, so that it parts the two ends of a slice."""
    before = text[:colon].rstrip()[-1:]
    return before.isalnum() or before in ("_", ")", "]", "'", '"', "?")
