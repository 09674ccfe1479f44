"""Micro: measures single parts of the runtime, one per module, to locate a regression.

A module has `measure(quick)`, which yields its curves. To measure another part, add a module.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.curve import Curve

PARTS = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))


def curves(parts: Iterable[str], quick: bool) -> Iterator[Curve]:
    for part in parts:
        yield from importlib.import_module(f"benchmarks.micro.{part}").measure(quick)
