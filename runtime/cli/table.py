"""Table: text in aligned columns."""

from __future__ import annotations

from collections.abc import Iterable


def print_table(rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows in aligned columns, without trailing spaces."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
