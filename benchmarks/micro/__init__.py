"""Micro: one room of the house a module, each measured alone, so that a regression has a place.

A module has `measure(quick)`, which answers with its curves. To add a room is to add its file.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.curve import Curve

ROOMS = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))


def curves(rooms: Iterable[str], quick: bool) -> Iterator[Curve]:
    for room in rooms:
        yield from importlib.import_module(f"benchmarks.micro.{room}").measure(quick)
