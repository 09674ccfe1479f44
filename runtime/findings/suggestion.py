"""Suggestion: the known name closest to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return `did you mean '…'?` for the known name closest to `word`, or None if none is close."""
    meant = nearest(word, known)
    if meant is None or _are_strangers(word, meant):
        return None
    return f"did you mean '{meant}'?"


def _are_strangers(id: str, other: str) -> bool:
    """True for ids that have little in common but their namespace."""
    (namespace, colon, name), (others, _, other_name) = id.partition(":"), other.partition(":")
    return bool(colon) and namespace == others and nearest(name, [other_name], 0.5) is None


def nearest(word: str, known: Iterable[str], similarity: float = 0.6) -> str | None:
    """Return the known name closest to `word`, or None if all are less similar than `similarity`.

    Similarity is difflib's ratio, from 0 to 1 for the same word.
    """
    names = list(known)
    for name in names:
        if name.lower() == word.lower():
            return name
    if len(word) > 200:  # not a typing mistake, and slow to compare
        return None
    from difflib import get_close_matches  # not needed by a start without findings

    matches = get_close_matches(word, names, n=1, cutoff=similarity)
    return matches[0] if matches else None
