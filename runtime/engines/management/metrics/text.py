"""Text: metrics as Prometheus reads them, in its own format or as OpenMetrics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import accumulate

from runtime.engines.management.metrics.family import FAMILIES, Family, Metrics, Row

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


def render(metrics: Metrics, *, openmetrics: bool = False) -> str:
    """The text of all families that have a series."""
    lines = [
        line
        for name, family in FAMILIES.items()
        if metrics.get(name)
        for line in _family(name, family, metrics[name], openmetrics)
    ]
    if openmetrics:
        lines.append("# EOF")
    return "\n".join(lines) + "\n"


def _family(name: str, family: Family, rows: tuple[Row, ...], openmetrics: bool) -> Iterator[str]:
    # OpenMetrics names a counter without the suffix of its samples.
    shown = name.removesuffix("_total") if openmetrics and family.kind == "counter" else name
    yield f"# HELP {shown} {family.help.translate(_HELP_ESCAPES)}"
    yield f"# TYPE {shown} {family.kind}"
    for row in rows:
        pairs = [
            f'{label}="{value.translate(_ESCAPES)}"'
            for label, value in zip(family.labels, row.labels, strict=True)
            if value
        ]
        if family.kind == "histogram":
            yield from _histogram(name, family, row, pairs)
        else:
            yield f"{name}{_braces(pairs)} {_number(row.value)}"


def _histogram(name: str, family: Family, row: Row, pairs: list[str]) -> Iterator[str]:
    bounds = (*map(repr, family.bounds), "+Inf")
    sums = [*accumulate(row.counts)]
    for bound, count in zip(bounds, sums, strict=True):
        le = f'le="{bound}"'
        yield f"{name}_bucket{_braces([*pairs, le])} {count}"
    yield f"{name}_sum{_braces(pairs)} {_number(row.value)}"
    yield f"{name}_count{_braces(pairs)} {sums[-1]}"


def _braces(pairs: list[str]) -> str:
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _number(value: float) -> str:
    if value == math.inf:
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)
