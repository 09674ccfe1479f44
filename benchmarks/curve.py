"""Curve: the growth of a cost with a size, as a small table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.table import Table, figure


@dataclass(frozen=True, slots=True)
class Curve:
    """Each row is a size or a name, then figures; goals read `figures`."""

    name: str
    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str | float]]
    figures: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def table(self) -> Table:
        cells = [
            [
                cell if isinstance(cell, str) else figure(cell) if column else f"{cell:,}"
                for column, cell in enumerate(row)
            ]
            for row in self.rows
        ]
        return Table(self.title, self.heads, cells, self.note)
