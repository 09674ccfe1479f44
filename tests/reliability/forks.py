"""Forks: handlers fork children, which end in every way, while messages are in hand."""

from __future__ import annotations

import signal
from pathlib import Path
from time import monotonic

from tests.reliability import application
from tests.reliability.audit import settle
from tests.reliability.load import post
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually
from tests.support.program import running

NAME = "forked children that end, fail, return, are terminated or outlive their parent"
SHORT, LONG = Size(messages=2), Size(messages=100)
"""Forks of each sort."""
CHILDREN = ("exit", "return", "raise", "publish", "sleep")
STAYING = 3


def run(folder: Path, size: Size, seed: int) -> Outcome:
    with trial(NAME, folder, size, seed) as t:
        application.write(folder)
        bodies = [
            {"do": "fork", "child": child} for child in CHILDREN for _ in range(size.messages)
        ]
        bodies += [{"n": n, "sleep": 0.2} for n in range(len(bodies))]
        t.chance.shuffle(bodies)
        with running(folder) as program:
            accepted = [id for body in bodies if (id := post(program.port, **body))]
            assert len(accepted) == len(bodies)
            settle(folder, accepted)
            assert program.stop() == 0
            complaints = [line for line in program.log if line["level"] in ("warning", "error")]
            # Of its children alone: the program itself has nothing to complain of.
            assert not [line for line in complaints if "a forked child" not in line["message"]]
        assert application.twice(folder) == 0
        staying, t.outcome.recovery = stay(folder)
        settle(folder, [*accepted, *staying])
        t.outcome.accepted = len(accepted) + len(staying)
        t.outcome.twice = application.twice(folder)
        assert t.outcome.twice == len(staying)
    return t.outcome


def stay(folder: Path) -> tuple[list[str], float]:
    """Children that outlive their killed parent do not keep its messages."""
    with running(folder) as first:
        port = first.port
        staying = [
            id for _ in range(STAYING) if (id := post(port, do="fork", child="stay")) is not None
        ]
        eventually(lambda: all(application.starts(folder)[id] for id in staying))
        first.signal(signal.SIGKILL)
        killed = monotonic()
        with running(folder) as second:
            eventually(lambda: set(staying) <= application.ended(folder))
            recovery = monotonic() - killed
            assert second.stop() == 0
    return staying, recovery
