"""Reloads: the memory of a program, and the time of a reload, after many of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks import ours
from benchmarks.curve import Curve
from benchmarks.subject import Subject, free_port, running, until_listens

TOKEN = "reloading"
COUNTS, QUICK = (20, 100, 250, 500), (20, 60)
"""Reloads at which one looks; caches fill during the first ones."""
MOST = 5.0
"""MiB that a program may grow by from the first of these to the last."""


def measure(quick: bool) -> Iterator[Curve]:
    port = free_port()
    command = ours.RUN.replace("--management off", f"--management 127.0.0.1:{port}")
    subject = Subject(
        "reloads",
        "ours",
        [f"{command} {ours.QUIET}"],
        ours.seed,
        variables={"RUNTIME_TOKEN": TOKEN},
    )
    rows: list[list[float]] = []
    took: list[float] = []
    with running(subject) as program:
        handler = program.folder / "src" / "create_task.py"
        before = handler.read_text(encoding="utf-8")
        counts = QUICK if quick else COUNTS
        until_listens(port)
        for number in range(1, counts[-1] + 1):
            handler.write_text(f"{before}\n# {number}\n", encoding="utf-8")
            took.append(_reload(port))
            if number in counts:
                rows.append([number, _rss(program.families[0].pid), median(took[-20:])])
    yield Curve(
        "reloads",
        "Reloads of the seed application with a changed handler, with management",
        ["reloads", "resident MiB", "ms a reload, as its client sees it"],
        rows,
        {"growth": rows[-1][1] - rows[0][1]},
        f"at most {MOST:g} MiB more after the last than after the first",
    )


def _reload(port: int) -> float:
    """Milliseconds until the program says what it did."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    began = perf_counter()
    connection.request("POST", "/api/reload", headers={"Authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    outcome = json.loads(answer.read())
    connection.close()
    if answer.status != 200 or not any(each["action"] == "revise" for each in outcome["changes"]):
        raise RuntimeError(f"it did not reload: {outcome}")
    return (perf_counter() - began) * 1e3


def _rss(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
