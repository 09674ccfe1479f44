"""Backlog: what becomes of tasks while clients still post, at 90 % of the capacity and above it.

    .venv/bin/python -m benchmarks.backlog [SECONDS] [ROUNDS]

Saturates the example, first as it is and then with `overflow: wait`. What it worked off a second,
from the first POST to the last row, is its capacity, of which 90 % are posted next. Prints for both
loads how many tasks were done while it lasted and by how many a second the backlog grew.
"""

from __future__ import annotations

import sys
from time import perf_counter, sleep

from benchmarks import load, ours
from benchmarks.subject import Subject, running
from benchmarks.visit import IDLE, WARM_UP, Rows

SHARE = 0.9
WAITING = Subject(
    "memory, publishers wait",
    "ours",
    [
        f"{ours.RUN} {ours.QUIET} -o app:tasks_queue:driver_options.memory.max_length=256 "
        "-o app:tasks_queue:driver_options.memory.overflow=wait"
    ],
    ours.seed,
)


def measure(subject: Subject, seconds: int) -> None:
    """Print two lines about a subject."""
    with running(subject) as program:
        sleep(IDLE)
        rows = Rows(program)
        rows.settle(load.post(program.url, WARM_UP).accepted)
        rows.calm()
        capacity, pause = 0.0, 0
        for name in ("saturated", f"at {SHARE:.0%}"):
            cpu, began = program.cpu(), perf_counter()
            found = load.post(program.url, seconds, pause)
            done = rows.new()
            worked = rows.settle(found.accepted)
            used = (program.cpu() - cpu) * 1e6 / max(1, worked)
            took = perf_counter() - began
            rows.calm()
            growth = (found.accepted - done) / found.seconds
            print(
                f"{subject.title:24} {name:10} {found.rate:9,.0f} {done / found.seconds:9,.0f} "
                f"{growth:9,.0f} {worked / took:9,.0f} {used:9.0f} {found.p99:8.1f}",
                flush=True,
            )
            capacity = capacity or worked / took
            pause = round(1000 * load.CONNECTIONS / (SHARE * capacity))


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if why := load.missing():
        raise SystemExit(why)
    print(f"{'':35} {'POST/s':>9} {'done/s':>9} {'growth/s':>9} {'all/s':>9} {'CPU µs':>9} p99 ms")
    for _ in range(rounds):
        measure(ours.MEMORY, seconds)
        measure(WAITING, seconds)


if __name__ == "__main__":
    main()
