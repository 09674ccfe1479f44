"""Freeze: the program is stopped for longer than its lease while handlers run."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

from tests.reliability import application
from tests.reliability.audit import check_log, settle, table
from tests.reliability.load import post
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually
from tests.support.program import running

NAME = "SIGSTOP for 3 leases during a handler, then SIGCONT"
SHORT = LONG = Size(messages=3)
LEASE = 1.0
OPTIONS = ("-o", f"app:driver:lease={LEASE:g}s", "-o", "app:driver:heartbeat=300ms")


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """Freezes two programs, one of which acks in the transaction of its handler's writes."""
    with trial(NAME, folder, size, seed) as t, ThreadPoolExecutor(2) as pool:
        plain = pool.submit(freeze, folder / "plain", size.messages, written=False)
        together = pool.submit(freeze, folder / "together", size.messages, written=True)
        (accepted, recovery), (others, other_recovery) = plain.result(), together.result()
        t.outcome.accepted = accepted + others
        t.outcome.recovery = max(recovery, other_recovery)
        t.outcome.twice = 2 * size.messages
    return t.outcome


def freeze(folder: Path, messages: int, written: bool) -> tuple[int, float]:
    """Another program takes the messages over, and the late acks are rejected by their token."""
    application.write_transactional(folder) if written else application.write(folder)
    with running(folder, *OPTIONS) as first:
        bodies = [{"n": n, "sleep": 0.5, "write": written} for n in range(messages)]
        accepted = [id for body in bodies if (id := post(first.port, **body))]
        eventually(lambda: len(application.starts(folder)) == messages)
        first.signal(signal.SIGSTOP)
        stopped = monotonic()
        with running(folder, *OPTIONS) as second:
            eventually(lambda: application.starts(folder).total() == 2 * messages)
            recovery = monotonic() - stopped
            settle(folder, accepted)
            eventually(lambda: monotonic() > stopped + 3 * LEASE)
            first.signal(signal.SIGCONT)
            first.wait_for("lease expired")
            for id in accepted:
                first.wait_for(f"message {id} was no longer held")
            more = [id for n in range(20) if (id := post(first.port, n=n, write=written))]
            settle(folder, [*accepted, *more])
            assert sum("lease expired" in text for text in first.messages) == 1
            assert not [text for text in second.messages if "no longer held" in text]
            assert first.stop() == second.stop() == 0
            check_log(second)
        check_log(first)
    assert application.twice(folder) == messages
    if written:
        effects = sorted(id for (id,) in table(folder, "SELECT id FROM written"))
        assert effects == sorted([*accepted, *more])
    return len(accepted) + len(more), recovery
