"""Ranges: the parts of a file that a client asks for (RFC 9110, 14)."""

from __future__ import annotations

import re

MAX_RANGES = 100
"""Ranges that one request may name; with more, it gets the whole file."""

_RANGE = re.compile(r"([0-9]*)-([0-9]*)", re.ASCII)
_DIGITS = 18
"""Digits of the largest position that any file has."""


class Unsatisfiable(Exception):
    """None of the ranges is within the file."""


def parse(text: str, size: int) -> list[tuple[int, int]]:
    """Read a `Range` header: beginning and end of each part, ascending and without overlap.

    Empty for one that must be ignored: malformed, of another unit, or of an empty file. Raises
    Unsatisfiable.
    """
    unit, _, specs = text.partition("=")
    if unit.strip().lower() != "bytes" or specs.count(",") >= MAX_RANGES or not size:
        return []
    parts: list[tuple[int, int]] = []
    named = 0
    for spec in specs.split(","):
        if not spec.strip():
            continue
        match = _RANGE.fullmatch(spec.strip())
        if match is None or match[0] == "-":
            return []
        first, last = (_position(digits, size) for digits in match.groups())
        if first is not None and last is not None and _exceeds(match[1], match[2]):
            return []
        named += 1
        if first is None:
            start, end = size - min(last or 0, size), size
        else:
            start, end = first, size if last is None else min(last + 1, size)
        if start < end:
            parts.append((start, end))
    if named and not parts:
        raise Unsatisfiable
    return _merge(parts)


def _position(digits: str, size: int) -> int | None:
    """The position that digits say, `size` for any that is beyond all files; None for no digits."""
    if not digits:
        return None
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= _DIGITS else size


def _exceeds(first: str, last: str) -> bool:
    first, last = first.lstrip("0"), last.lstrip("0")
    return (len(first), first) > (len(last), last)


def _merge(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(parts):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged
