"""SourceLines: a few lines of a file around the one that failed."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engines.management.pages.markup import e


def source_lines(first: int, lines: Sequence[str], hit: int) -> str:
    """Numbered lines; `first` is the number of the first one, `hit` that of the marked one."""
    marks = {hit: ' class="hit"'}
    shown = "".join(
        f"<span{marks.get(number, '')}><i>{number}</i>{e(text)}</span>"
        for number, text in enumerate(lines, first)
    )
    return f'<pre class="src" tabindex="0" aria-label="Source">{shown}</pre>'
