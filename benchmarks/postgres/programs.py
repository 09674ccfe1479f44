"""Programs: a backlog worked on by one program, and by four at once."""

from __future__ import annotations

from time import monotonic, sleep

from benchmarks.postgres.server import Worker, fill, percentile, serving
from benchmarks.queues.program import server_cpu
from benchmarks.table import Table

MANY = 4
LEFT = "SELECT EXISTS (SELECT 1 FROM runtime_message WHERE state < 3)"
HEADS = ("programs", "tasks/s", "of one", "claims p99, ms", "server's µs a task")


def measure(quick: bool) -> Table:
    count = 20_000 if quick else 100_000
    rows: list[list[str]] = []
    first = 0.0
    for programs in (1, MANY):
        rate, slowest, server = run(programs, count)
        first = first or rate
        rows.append(
            [
                str(programs),
                f"{rate:,.0f}",
                f"{rate / first:.2f}",
                f"{slowest * 1000:.0f}",
                f"{server:.0f}",
            ]
        )
    return Table(f"A backlog of {count:,} no-op tasks on PostgreSQL", HEADS, rows)


def run(programs: int, count: int) -> tuple[float, float, float]:
    with serving() as server:
        workers = [Worker(server.url) for _ in range(programs)]
        fill(server, count)
        before, began = server_cpu(server.process.guard_pid), monotonic()
        for worker in workers:
            worker.begin()
        while server.execute(LEFT)[0][0]:
            sleep(0.05)
        seconds = monotonic() - began
        cpu = server_cpu(server.process.guard_pid) - before
        seen = [worker.end() for worker in workers]
        assert sum(each.done for each in seen) == count, "a task ran twice, or never"
        claims = [claim for each in seen for claim in each.claims]
        return count / seconds, percentile(claims, 0.99), 1e6 * cpu / count
