"""Outlook: the verdict on what happened in the time of the history."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from runtime.clock import REAL
from runtime.engines.management.outlook import Outlook
from runtime.engines.management.snapshot import QueueStatus
from tests.support.night import CATALOG, NOW, SNAPSHOT

QUIET = replace(SNAPSHOT, queues=(), endpoints=())


@pytest.mark.parametrize(
    ("dead", "sentence"),
    [
        ((5, 8), "Everything runs. Three messages died in the last 15 minutes."),
        ((5, 8, 6), "Everything runs. Three messages died in the last 15 minutes."),
        ((0, 3, 0), "Everything runs."),
        ((0, 3, 0, 1), "Everything runs. One message died in the last 15 minutes."),
        ((0, 3, None), "Everything runs. Three messages died in the last 15 minutes."),
    ],
)
def test_letters_that_were_requeued_or_dropped_are_no_worry(
    dead: tuple[int | None, ...], sentence: str
) -> None:
    outlook = Outlook(lambda: CATALOG, Path("/app"), REAL)
    snapshot = QUIET
    for second, count in enumerate(dead):
        ready = None if count is None else 0
        snapshot = replace(QUIET, queues=(QueueStatus("app:tasks", ready=ready, dead=count),))
        outlook.history.note(snapshot, NOW + 5 * second)

    assert outlook.judge(snapshot).verdict.say == sentence
