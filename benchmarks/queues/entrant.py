"""Entrant: a tool that is measured on a server, as its file declares it."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
FILES = ("benchmarks/queues/*ours_*.py", "benchmarks/peers/queues/[!_]*.py")


class Entrant(msgspec.Struct, frozen=True):
    title: str
    server: str
    """`PostgreSQL` or `RabbitMQ`."""
    module: str
    packages: list[str]
    count: int
    """Tasks of a phase."""

    def missing(self) -> str | None:
        """The reason why it cannot be measured here, or None."""
        absent = [name for name in self.packages if importlib.util.find_spec(name) is None]
        return f"no {', '.join(absent)}; pip install -e '.[bench]'" if absent else None


def entrants() -> list[Entrant]:
    """Ours, then every file of `benchmarks/peers/queues`: read, and not imported."""
    return [_entrant(file) for pattern in FILES for file in sorted(ROOT.glob(pattern))]


def _entrant(file: Path) -> Entrant:
    declared = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            declared[node.targets[0].id.lower()] = ast.literal_eval(node.value)
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    return msgspec.convert({**declared, "module": module}, Entrant)
