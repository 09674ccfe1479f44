"""Page: writes the figures of a run into docs/performance.md, between its two marks."""

from __future__ import annotations

from benchmarks import report
from benchmarks.results import Results
from benchmarks.subject import ROOT

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def write(results: Results) -> None:
    """Replace the figures on the page. Raises ValueError if its marks are gone."""
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} has no '{BEGIN}' followed by '{END}'; put them back")
    tables = "\n".join(table.markdown() for table in report.tables(results))
    figures = f"{_where(results)}\n\n{tables}"
    PAGE.write_text(f"{before}{begin}\n\n{figures}\n{end}{after}", encoding="utf-8")


def _where(results: Results) -> str:
    machine, settings = results.environment, results.settings
    return (
        f"Measured on {machine['date']}: {machine['cores']} cores, load before {machine['load']}, "
        f"{machine['system']}, Python {machine['python']}, SQLite {machine['sqlite']}; "
        f"{settings.get('rounds', 0)} rounds of {settings.get('seconds', 0)} s a program, "
        "medians with the least and the most. "
        f"With {machine['packages']}."
    )
