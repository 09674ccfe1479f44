"""Manifest: the cost of reading and checking an application, by its number of entries."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.curve import Curve
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry

SIZES = (100, 1_000, 10_000)

HEAD = """namespace: app
entries:
  - {name: driver, kind: queue.driver.memory}
  - {name: gateway, kind: http.service, addr: ":8080"}
  - {name: router, kind: http.router, meta: {server: gateway}}
"""
GROUP = """  - name: f{n}
    kind: function.python
    source: file://handler.py
    method: main
    modules: [http]
  - name: e{n}
    kind: http.endpoint
    meta: {{router: router}}
    method: GET
    path: /e{n}/{{id}}
    func: f{n}
  - name: q{n}
    kind: queue.queue
    driver: app:driver
    retry: {{initial_delay: 2s}}
  - name: c{n}
    kind: queue.consumer
    queue: q{n}
    func: app:f{n}
    concurrency: 2
    lifecycle: {{auto_start: true}}
"""


def measure(quick: bool) -> Iterator[Curve]:
    rounds = 3 if quick else 7
    rows: list[list[str | float]] = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = _application(Path(name), size)
            found = [(*_parts(folder), _program(folder)) for _ in range(rounds)]
        reading, checking, whole = (median(column) * 1e3 for column in zip(*found, strict=True))
        each = (reading + checking) / size * 1e3
        rows.append([size, reading, checking, whole, each])
    first = float(rows[0][-1])
    yield Curve(
        "manifest",
        "Manifest: ms to read, to check, and of the whole `runtime validate`",
        ["entries", "read ms", "check ms", "program ms", "µs an entry", "ratio to the first"],
        [[*row, float(row[-1]) / first] for row in rows],
        {"seconds": float(rows[-1][3]) / 1e3, "growth": float(rows[-1][-1]) / first},
        "1 or less in the last column is linear",
    )


def _application(folder: Path, entries: int) -> Path:
    groups = (entries - 3) // 4
    (folder / "_index.yaml").write_text(HEAD + "".join(GROUP.format(n=n) for n in range(groups)))
    (folder / "handler.py").write_text("async def main(body):\n    return {}\n")
    return folder


def _parts(folder: Path) -> tuple[float, float]:
    """Seconds to read and to check, in this process."""
    began = perf_counter()
    manifest = read(folder)
    between = perf_counter()
    link(manifest, Registry())
    return between - began, perf_counter() - between


def _program(folder: Path) -> float:
    """Seconds of a whole `runtime validate`."""
    began = perf_counter()
    command = [sys.executable, "-m", "runtime", "validate", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - began
