"""Builder: the cost of building a statement, by its sort and size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from time import process_time
from typing import Any

from benchmarks.curve import Curve
from runtime.engines.sql.builder import delete, insert, select, update

COLUMNS = ("id", "payload", "status", "result", "created_at", "processed_at")
ROW = ("0b5c", "{}", "completed", "{}", 1, 2)
IN = (1, 10, 100, 1_000)


def _select() -> Any:
    return select(*COLUMNS).from_("tasks").where({"status": "done"}).order_by("id DESC").limit(100)


def _among(ids: list[str]) -> Callable[[], Any]:
    return lambda: select(*COLUMNS).from_("tasks").where({"id": ids})


STATEMENTS: dict[str, Callable[[], Any]] = {
    "insert": lambda: insert("tasks").columns(*COLUMNS).values(*ROW),
    "insert, conflict ignored": lambda: (
        insert("tasks").columns(*COLUMNS).values(*ROW).on_conflict_do_nothing()
    ),
    "update": lambda: update("tasks").set({"status": "done"}).where({"id": "0b5c"}),
    "delete": lambda: delete("tasks").where({"id": "0b5c"}),
    "select": _select,
    **{f"select, {n:,} ids": _among([f"{i:04x}" for i in range(n)]) for n in IN},
}


def measure(quick: bool) -> Iterator[Curve]:
    rounds, calls = (3, 2_000) if quick else (7, 5_000)
    rows: list[list[str | float]] = []
    for name, build in STATEMENTS.items():
        rows.append([name, median(_cost(build, calls) for _ in range(rounds))])
    yield Curve(
        "builder",
        "Query builder: CPU µs from its first call to text and values",
        ["statement", "µs"],
        rows,
        {str(name): float(cost) for name, cost in rows},
    )


def _cost(build: Callable[[], Any], calls: int) -> float:
    began = process_time()
    for _ in range(calls):
        build().render()
    return (process_time() - began) / calls * 1e6
