"""Management: what an idle application needs more while it is managed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import sleep
from typing import NamedTuple

from benchmarks import ours
from benchmarks.curve import Curve
from benchmarks.subject import running

SETTLED = 2.0
"""Seconds after the first answer at which the start is over."""
SUBJECTS = {"off": ours.MEMORY, "on": ours.MEMORY_MANAGED}


class _Use(NamedTuple):
    """Of a process, since its start."""

    processor: float
    """Seconds, as the scheduler counts them: a process that is idle needs less than a tick."""
    wakes: int
    """The number of times that a thread of it went on after it had waited."""


def measure(quick: bool) -> Iterator[Curve]:
    seconds, rounds = (5.0, 1) if quick else (20.0, 3)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in SUBJECTS}
    for _ in range(rounds):
        with ExitStack() as stack:  # at once, since both only wait
            pids = {
                name: stack.enter_context(running(subject)).families[0].pid
                for name, subject in SUBJECTS.items()
            }
            sleep(SETTLED)
            began = {name: _use(pid) for name, pid in pids.items()}
            sleep(seconds)
            for name, pid in pids.items():
                now, before = _use(pid), began[name]
                share = (now.processor - before.processor) / seconds * 100
                wakes = (now.wakes - before.wakes) / seconds
                found[name].append((_resident(pid), share, wakes))
    rows: list[list[str | float]] = [
        [name, *(median(column) for column in zip(*each, strict=True))]
        for name, each in found.items()
    ]
    more = [float(on) - float(off) for off, on in zip(rows[0][1:], rows[1][1:], strict=True)]
    yield Curve(
        "management",
        "Management: the seed application, idle",
        ["", "RSS MiB", "CPU %", "wakes/s"],
        [*rows, ["more", *more]],
        {"memory": more[0], "idle": float(rows[1][2])},
        f"from {SETTLED:g} s after its start, for {seconds:g} s",
    )


def _resident(pid: int) -> float:
    """MiB."""
    return _number(Path(f"/proc/{pid}/status"), "VmRSS:") / 1024


def _use(pid: int) -> _Use:
    threads = [*Path(f"/proc/{pid}/task").iterdir()]
    nanoseconds = sum(int((each / "schedstat").read_text().split()[0]) for each in threads)
    waits = sum(_number(each / "status", "\nvoluntary_ctxt_switches:") for each in threads)
    return _Use(nanoseconds / 1e9, waits)


def _number(file: Path, name: str) -> int:
    return int(file.read_text().partition(name)[2].split()[0])
