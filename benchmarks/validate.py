"""How long a manifest of 100, 1,000 and 10,000 entries takes to validate, in one run.

    .venv/bin/python benchmarks/validate.py

Prints the median of five rounds. The result is the last column: what an entry costs, against what
one costs in the smallest manifest. 1 and less is linear; the times depend on the machine.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runtime.linker import link
from runtime.manifest import read
from runtime.registry import Registry

SIZES = (100, 1_000, 10_000)
ROUNDS = 5

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


def application(folder: Path, entries: int) -> Path:
    groups = (entries - 3) // 4
    (folder / "_index.yaml").write_text(HEAD + "".join(GROUP.format(n=n) for n in range(groups)))
    (folder / "handler.py").write_text("async def main(body):\n    return {}\n")
    return folder


def parts(folder: Path) -> tuple[float, float]:
    """Seconds for reading and for checking, in this process."""
    began = time.perf_counter()
    manifest = read(folder)
    between = time.perf_counter()
    link(manifest, Registry())
    return between - began, time.perf_counter() - between


def program(folder: Path) -> float:
    """Seconds for the whole `runtime validate`."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "runtime", "validate", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    heads = ("entries", "read ms", "check ms", "program ms", "µs/entry", "ratio")
    print(" ".join(f"{head:>10}" for head in heads))
    first = 0.0
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = application(Path(name), size)
            rounds = [(*parts(folder), program(folder)) for _ in range(ROUNDS)]
        reading, checking, whole = (
            statistics.median(column) for column in zip(*rounds, strict=True)
        )
        each = (reading + checking) / size * 1e6
        first = first or each
        times = f"{reading * 1e3:>10.1f} {checking * 1e3:>10.1f} {whole * 1e3:>10.0f}"
        print(f"{size:>10,} {times} {each:>10.1f} {each / first:>10.2f}")


if __name__ == "__main__":
    main()
