"""Table: text in aligned columns."""

from __future__ import annotations

from collections.abc import Iterable


def print_table(rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows in aligned columns, without trailing spaces."""
    for line in table_lines(rows):
        print(line)


def table_lines(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """The same as lines."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
