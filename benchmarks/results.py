"""Results: the figures of one run, round by round, as they are kept in a file."""

from __future__ import annotations

import datetime
import json
import os
import platform
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.curve import Curve
from benchmarks.visit import Sample

FOLDER = Path(__file__).with_name("results")
LATEST = FOLDER / "latest.json"
PACKAGES = ("uvicorn", "uvloop", "httptools", "fastapi", "taskiq", "huey", "dramatiq", "celery")
"""Packages whose versions are recorded."""


@dataclass(slots=True)
class Round:
    """One pass over everything: a sample per subject, a rate per limit, and starts."""

    samples: dict[str, Sample] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    starts: dict[str, list[float]] = field(default_factory=dict)
    """More seconds from exec to the first answer, of subjects whose start has a goal."""


@dataclass(slots=True)
class Results:
    environment: Mapping[str, str]
    settings: Mapping[str, Any]
    rounds: list[Round] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    """Subjects that could not be measured, with the reason."""
    curves: list[Curve] = field(default_factory=list)

    def each(self, ask: Callable[[Round], float | None]) -> list[float]:
        """The answer of each round, without those that have none."""
        found = []
        for round_ in self.rounds:
            try:
                value = ask(round_)
            except KeyError:
                continue
            if value is not None:
                found.append(value)
        return found

    def curve(self, name: str) -> Curve | None:
        return next((curve for curve in self.curves if curve.name == name), None)

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        file.write_text(text + "\n", encoding="utf-8")


def environment() -> dict[str, str]:
    """A description of this machine, for whoever reads the figures later."""
    return {
        "date": f"{datetime.date.today():%Y-%m-%d}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.system(),
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
        "packages": ", ".join(_versions()),
    }


def _versions() -> Iterator[str]:
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"


def read(file: Path) -> Results:
    """Read the file of `Results.write`. Raises ValueError if it is absent or has another form."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        rounds = [
            Round(
                {title: Sample(**sample) for title, sample in round_["samples"].items()},
                round_["limits"],
                round_["starts"],
            )
            for round_ in said["rounds"]
        ]
        curves = [Curve(**curve) for curve in said["curves"]]
        return Results(said["environment"], said["settings"], rounds, said["absent"], curves)
    except FileNotFoundError:
        raise ValueError(f"there is no {file} yet; run: make bench") from None
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{file} is of another version ({error}); run: make bench") from None
