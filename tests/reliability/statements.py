"""Statements: the n-th SQLite statement of a program fails, as on a bad or full disk.

Several programs run side by side, each in its own folder and with its own fault.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

from tests.reliability import application
from tests.reliability.audit import check_log, settle
from tests.reliability.load import Load, post, served
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually
from tests.support.program import running

NAME = "disk errors, full disk and locks at the n-th statement"
SHORT = Size(messages=40, times=12)
LONG = Size(messages=40, times=150)
ERRORS = ("SQLITE_IOERR", "SQLITE_FULL", "SQLITE_BUSY")
STATEMENTS = 180
"""About as many as a program executes for 40 messages."""
RECOVERY = 5.0


def run(folder: Path, size: Size, seed: int) -> Outcome:
    with trial(NAME, folder, size, seed) as t:
        faults = []
        for number in range(size.times):
            first = t.chance.randrange(1, STATEMENTS)
            last = first + t.chance.choice((0, 0, 3, 30))
            faults.append(f"sqlite.execute:{first}-{last}={ERRORS[number % len(ERRORS)]}")
        with ThreadPoolExecutor(3) as pool:
            ends = list(
                pool.map(
                    lambda pair: fail(folder / str(pair[0]), pair[1], size.messages),
                    enumerate(faults),
                )
            )
        t.outcome.accepted = sum(accepted for accepted, _, _ in ends)
        t.outcome.recovery = max(recovered for _, recovered, _ in ends)
        t.outcome.twice = sum(map(application.twice, folder.iterdir()))
        assert sum(failed for _, _, failed in ends) > size.times // 2, (
            "too few programs reached their fault"
        )
    return t.outcome


def fail(folder: Path, armed: str, messages: int) -> tuple[int, float, bool]:
    """Run a program with a fault. Returns accepted tasks, seconds to recover, True if it failed."""
    application.write(folder)
    load = Load(200, messages, clients=4)
    recovered = 0.0
    with running(
        folder, ready=False, env={"RUNTIME_TESTING": "1", "RUNTIME_FAULT": armed}
    ) as program:
        if (port := served(program)) is not None:
            load.port = port
            with load.running():
                load.finish(within=30)
            began = monotonic()
            eventually(lambda: post(port, n=-1), within=RECOVERY)
            recovered = monotonic() - began
            settle(folder, load.accepted, within=RECOVERY + 10)
            assert program.stop() == 0, program.stderr
        else:
            assert program.wait() == 4, program.stderr
        check_log(program)
    assert set(load.answers) <= {202, 503}, f"{armed}: {load.answers}"
    assert not load.without_retry_after
    return len(load.accepted), recovered, "fault: sqlite.execute" in program.stderr
