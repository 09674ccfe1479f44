"""Documentation pages, read for their tables and for the names in them."""

from __future__ import annotations

import re

from tests.support.blackbox import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def rows(page: str, first_cell: str) -> list[list[str]]:
    """The rows of the table of a page whose heading begins with that cell."""
    lines = text(page).splitlines()
    (start,) = [n for n, line in enumerate(lines) if line.startswith(f"| {first_cell} |")]
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        found.append([cell.strip() for cell in cells])
    return found


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def names_in(page: str) -> str:
    """The Python blocks of a page, and what stands between backticks in its prose."""
    blocks = re.findall(r"^```python$(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *(name for part in prose.split("\n\n") for name in code(part))])
