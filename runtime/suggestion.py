"""Suggestion: the name somebody probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(word: str, known: Iterable[str]) -> str | None:
    """Give `did you mean '…'?` for the known name nearest to `word`, or None if none is near."""
    names = list(known)
    lowered = {name.lower(): name for name in names}
    if word.lower() in lowered:
        return f"did you mean '{lowered[word.lower()]}'?"
    matches = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean '{matches[0]}'?" if matches else None
