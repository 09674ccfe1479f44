"""Combined faults: a blocked event loop, a long transaction and a foreign lock at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.reliability import application
from tests.reliability.audit import check_log, settle
from tests.reliability.load import post
from tests.reliability.locks import HOLDER, python
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.program import running

NAME = "a busy loop, a held transaction and a foreign lock at once"
SHORT = Size(messages=20, seconds=5)
LONG = Size(messages=100, seconds=60)
WAYS: tuple[dict[str, Any], ...] = (
    {"do": "block", "sleep": 1.5},
    {"do": "hold", "sleep": 3.5},
    {"sleep": 0.1},
    *[{"sleep": 1}] * 7,
)
"""The bodies of tasks, in turn."""
LEASES: dict[str, tuple[str, ...]] = {
    "as it is": (),
    "far too short": ("-o", "app:driver:lease=1s", "-o", "app:driver:heartbeat=300ms"),
}


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """Either no lease expires, or the loss is noticed and late results are rejected."""
    with trial(NAME, folder, size, seed) as t, ThreadPoolExecutor(2) as pool:
        ran = pool.map(lambda name: run_two(folder / name, LEASES[name], size, seed), LEASES)
        for accepted, twice in ran:
            t.outcome.accepted += accepted
            t.outcome.twice += twice
    return t.outcome


def run_two(folder: Path, options: tuple[str, ...], size: Size, seed: int) -> tuple[int, int]:
    """Run two programs on one file. Returns the numbers of accepted and of repeated tasks."""
    application.write(folder)
    file = str(folder / "data" / "a.db")
    with running(folder, *options) as one, running(folder, *options) as two:
        with (
            python("-c", HOLDER, file, str(size.seconds), str(seed)) as holder,
            ThreadPoolExecutor(8) as pool,
        ):
            ports = one.port, two.port
            answers = [
                pool.submit(post, ports[n % 2], **WAYS[n % len(WAYS)]) for n in range(size.messages)
            ]
            accepted = [id for answer in answers if (id := answer.result())]
            _, errors = holder.communicate(timeout=size.seconds + 60)
            assert holder.returncode == 0, errors
        settle(folder, accepted, within=120)
        leases = [text for text in (*one.messages, *two.messages) if "lease expired" in text]
        refused = {
            line["message_id"]
            for line in (*one.log, *two.log)
            if "no longer held" in line["message"]
        }
        assert one.stop() == two.stop() == 0
        # The other program's transaction may follow right after the foreign lock: 7 s in all.
        check_log(one, "TransactionLost", "Unavailable")
        check_log(two, "TransactionLost", "Unavailable")
    repeated = application.ended_twice(folder)
    assert repeated <= refused, f"ran twice and never refused: {repeated - refused}"
    assert leases or not repeated
    return len(accepted), len(repeated)
