"""Colours: the one in which the log shows the lines of one request, or of one message."""

from __future__ import annotations

from collections.abc import Mapping

_PALETTE = (36, 35, 32, 34, 33, 96, 95, 92, 94, 93)
"""Of the terminal's own colours, so that they suit its background; red is for errors."""
_MOST = 256
"""Requests and messages whose colour is remembered."""


class Colours:
    """Gives each request and each message the next colour, so that neighbours differ."""

    def __init__(self) -> None:
        self._known: dict[object, int] = {}
        self._next = 0

    def of(self, ids: Mapping[str, object]) -> int | None:
        """The number of the colour; None for a line that belongs to nothing."""
        id = next(iter(ids.values()), None)
        if id is None:
            return None
        if id not in self._known:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[id] = _PALETTE[self._next % len(_PALETTE)]
            self._next += 1
        return self._known[id]
