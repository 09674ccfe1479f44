"""Which snapshots are ready, and the reasons why others are not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from runtime.engines.management.health import readiness
from runtime.engines.management.snapshot import Blocked, ServiceStatus, Snapshot


def snapshot(age: float = 0.1, state: str = "running", **service: Any) -> Snapshot:
    fields = {"id": "app:worker", "kind": "queue.consumer", "state": "running", "since": ""}
    return Snapshot(
        "shop", "0", 1, "", 1, state, age=age, services=(ServiceStatus(**{**fields, **service}),)
    )


@pytest.mark.parametrize("state", [snapshot(), snapshot(last_poll=29.0)])
def test_an_application_that_runs_is_ready(state: Snapshot) -> None:
    assert readiness(state).ready


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (snapshot(state="stopping"), "it is stopping"),
        (snapshot(age=2.5), "the event loop has not turned for 2.5 s"),
        (snapshot(last_poll=31.0), "no poll for 31 s"),
        (snapshot(unreachable="the database cannot be reached: no route"), "no route"),
    ],
)
def test_what_is_wrong_is_named(state: Snapshot, why: str) -> None:
    found = readiness(state)

    assert not found.ready
    assert any(why in (check.why or "") for check in found.checks if not check.ok)


def test_a_loop_that_stands_still_is_told_by_what_keeps_it() -> None:
    held = replace(snapshot(age=3.0), blocked=Blocked(3.0, "app:report", "report.py:6"))
    (check,) = [each for each in readiness(held).checks if not each.ok]

    assert check.why == "app:report has kept the event loop for 3 s at report.py:6"
