"""Management: what an idle application needs more while it is managed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import sleep

from benchmarks import ours
from benchmarks.curve import Curve
from benchmarks.subject import running

SETTLED = 2.0
"""Seconds after the first answer at which the start is over."""
SUBJECTS = {"off": ours.MEMORY, "on": ours.MEMORY_MANAGED}


def measure(quick: bool) -> Iterator[Curve]:
    seconds, rounds = (5.0, 1) if quick else (20.0, 3)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SUBJECTS}
    for _ in range(rounds):
        with ExitStack() as stack:  # at once, since both only wait
            programs = {
                name: stack.enter_context(running(subject)) for name, subject in SUBJECTS.items()
            }
            sleep(SETTLED)
            used = {name: program.cpu() for name, program in programs.items()}
            sleep(seconds)
            for name, program in programs.items():
                share = (program.cpu() - used[name]) / seconds * 100
                found[name].append((_resident(program.families[0].pid), share))
    rows: list[list[str | float]] = [
        [name, median(memory for memory, _ in each), median(share for _, share in each)]
        for name, each in found.items()
    ]
    more = [float(on) - float(off) for off, on in zip(rows[0][1:], rows[1][1:], strict=True)]
    yield Curve(
        "management",
        "Management: the seed application, idle",
        ["", "RSS MiB", "CPU %"],
        [*rows, ["more", *more]],
        {"memory": more[0], "idle": float(rows[1][2])},
        f"from {SETTLED:g} s after its start, for {seconds:g} s",
    )


def _resident(pid: int) -> float:
    """MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
