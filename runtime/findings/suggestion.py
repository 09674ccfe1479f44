"""Suggestion: the name somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Give `did you mean '…'?` for the known name nearest to `word`, or None if none is near."""
    meant = nearest(word, known)
    return None if meant is None else f"did you mean '{meant}'?"


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known name nearest to `word`, or None if none is near: 1 would be the same word."""
    names = list(known)
    for name in names:
        if name.lower() == word.lower():
            return name
    if len(word) > 200:  # nobody mistyped that, and comparing it takes long
        return None
    # Only for a manifest with a fault: a start should not pay for it.
    from difflib import get_close_matches

    matches = get_close_matches(word, names, n=1, cutoff=likeness)
    return matches[0] if matches else None
