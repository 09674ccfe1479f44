"""Table: figures in columns, for a terminal or in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under heads. The first `words` columns are text, the others figures."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    words: int = 1

    def plain(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.heads, *self.rows, strict=True)]
        lines = [self._aligned(row, widths) for row in (self.heads, *self.rows)]
        lines.insert(1, "-" * len(lines[0]))
        return "\n".join([self.title, "", *lines, *([self.note] if self.note else [])]) + "\n"

    def markdown(self) -> str:
        rule = "|" + "---|" * self.words + "---:|" * (len(self.heads) - self.words)
        lines = [f"| {' | '.join(row)} |" for row in (self.heads, *self.rows)]
        note = [f"\n{self.note}"] if self.note else []
        return "\n".join([f"**{self.title}**", "", lines[0], rule, *lines[1:], *note]) + "\n"

    def _aligned(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = [
            text.ljust(width) if column < self.words else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()


def figure(value: float | None) -> str:
    """The number with three significant digits."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def middle(values: Sequence[float]) -> str:
    """The median alone."""
    return figure(median(values)) if values else "-"


def spread(values: Sequence[float | None]) -> str:
    """The median, then the least and the most in parentheses."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    if len(known) == 1:
        return middle(known)
    return f"{middle(known)} ({figure(min(known))}–{figure(max(known))})"
