"""Evidence: what a failed test shows of the applications that ran in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from runtime.testing.logbook import LogBook

_SHOWN = 100
"""Lines of a log that are shown, the last ones."""


class Evidence:
    """The log and the dead letters of one application."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.book = LogBook()
        self.deaths: list[str] = []
        """A line for each dead letter."""
        self.ended = False
        self._first_line = self._first_death = 0
        _collected.append(self)

    def mark(self) -> None:
        """From here on, it is evidence of another test."""
        self._first_line, self._first_death = len(self.book.lines), len(self.deaths)

    def sections(self) -> Iterator[tuple[str, str]]:
        """Title and text of each part that is not empty."""
        lines = [line.text for line in self.book.lines[self._first_line :]]
        if (left_out := len(lines) - _SHOWN) > 0:
            lines = [f"… {left_out} lines before these", *lines[-_SHOWN:]]
        if lines:
            yield f"log of the application {self.name}", "\n".join(lines)
        if deaths := self.deaths[self._first_death :]:
            yield f"dead letters of the application {self.name}", "\n".join(deaths)


_collected: deque[Evidence] = deque(maxlen=64)


def begin() -> None:
    """A test begins: forget the applications that have ended, and what the others did so far."""
    for evidence in [*_collected]:
        if evidence.ended:
            _collected.remove(evidence)
        else:
            evidence.mark()


def sections() -> Iterator[tuple[str, str]]:
    """Title and text of all that there is to show since `begin`."""
    for evidence in [*_collected]:
        yield from evidence.sections()
