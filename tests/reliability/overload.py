"""Overload: clients post far more than handlers can do, and the queue is bounded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.reliability import application
from tests.reliability.audit import check_log, settle
from tests.reliability.load import Load
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import Site, eventually
from tests.support.program import Program, running

NAME = "producers ten times as fast as handlers, a bounded queue (memory, sql)"
SHORT = Size(messages=400, seconds=3)
LONG = Size(messages=10_000, seconds=120)
"""The bound of the queue, and the seconds of overload."""
MEMORY_LIMIT = 300 << 20
DRIVERS = {
    "sql": {},
    "memory": {
        "kind: queue.driver.sql\n    database: db\n    retention: 1h": "kind: queue.driver.memory"
    },
}


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """The queue respects its bound, answers 503 with Retry-After, keeps what it accepted."""
    with trial(NAME, folder, size, seed) as t, ThreadPoolExecutor(2) as pool:
        ran = pool.map(lambda driver: flood(folder / driver, driver, size), DRIVERS)
        for accepted, twice in ran:
            t.outcome.accepted += accepted
            t.outcome.twice += twice
    return t.outcome


def flood(folder: Path, driver: str, size: Size) -> tuple[int, int]:
    bound = f"driver: driver\n    driver_options: {{{driver}: {{max_length: {size.messages}}}}}"
    changes = {
        **DRIVERS[driver],
        "name: tasks\n    kind: queue.queue\n    driver: driver": (
            f"name: tasks\n    kind: queue.queue\n    {bound}"
        ),
    }
    application.write(folder, changes)
    # every tenth task fails once and returns to a full queue
    load = Load(
        float("inf"), body=lambda n: {"do": "fail once" if n % 10 == 0 else None, "sleep": 0.05}
    )
    deepest = 0
    with running(folder) as program:
        site = Site(program)
        load.port = site.port
        with load.running():
            eventually(lambda: load.answers[503], within=60)
            for _ in range(int(size.seconds * 10)):
                deepest = max(deepest, depth(site))
                load.pause(0.1)
        assert peak_memory(program) < MEMORY_LIMIT
        eventually(lambda: depth(site) == 0, within=60 + size.messages / 50)
        if driver == "sql":
            settle(folder, load.accepted)
        assert program.stop() == 0
        check_log(program, "ValueError")
    assert deepest <= size.messages
    assert set(load.answers) == {202, 503}
    assert load.answers[503] > 10
    assert not load.without_retry_after, "a 503 without Retry-After"
    ended = application.ended(folder)
    assert load.accepted.keys() <= ended, f"dropped: {load.accepted.keys() - ended}"
    retries = sum(number % 10 == 0 for number in load.accepted.values())
    return len(load.accepted), application.twice(folder) - retries


def depth(site: Site) -> int:
    return int(site.ask("GET", "/").json["depth"])


def peak_memory(program: Program) -> int:
    """The peak resident memory of the program, in bytes."""
    status = Path(f"/proc/{program.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10
