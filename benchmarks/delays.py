"""Delays: the lateness of delayed messages, and the memory they take while they wait.

    .venv/bin/python -m benchmarks.delays [MESSAGES] [SECONDS]

Publishes MESSAGES (10,000) that are due at random moments within SECONDS (60), to a queue in memory
and to one in a database, and receives them. Prints for each how late they were and by how much the
process grew while all of them waited. None may be early, and the 99th percentile of lateness is to
stay below 250 ms; the times depend on the machine.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
from pathlib import Path

from runtime.backoff import Backoff
from runtime.clock import REAL
from runtime.engines.queue.queue import Queue
from tests.support.delay_spread import Scatter
from tests.support.driver_conformance.suite import Harness
from tests.support.implementations import IMPLEMENTATIONS


async def measure(driver: str, count: int, span: float) -> str:
    """One line about a driver."""
    async with IMPLEMENTATIONS[driver].open(REAL) as opened:
        harness = Harness(driver, opened)
        await harness.start()
        queue = Queue(
            "app:q", harness.declare("q", 2 * count), Backoff(), max_attempts=10, max_requeues=3
        )
        before = resident()
        # Nothing is due while they are published: about 10,000 are in a second.
        scatter = Scatter(queue, count, first=2 + count / 5_000, span=span, seed=20)
        await scatter.publish()
        grown = resident() - before
        late = sorted(receipt.late for receipt in await scatter.receive())
        await harness.stop()
    quantiles = statistics.quantiles(late, n=100)
    milliseconds = [1000 * seconds for seconds in (late[0], quantiles[49], quantiles[98], late[-1])]
    first, middle, tail, last = (f"{number:8.1f}" for number in milliseconds)
    return f"{driver:8} {first} {middle} {tail} {last}   {grown / 2**20:8.1f} MiB"


def resident() -> int:
    """Bytes in memory; where there is no /proc, the most there ever were."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    span = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    print(f"{count:,} messages due within {span:g} s; lateness in ms")
    print("driver      first      p50      p99     last     growth")
    for driver in IMPLEMENTATIONS:
        print(asyncio.run(measure(driver, count, span)), flush=True)


if __name__ == "__main__":
    main()
