"""Fixtures of the tests of the event loop's own statements."""

from __future__ import annotations

import pytest

from runtime.engines.sql.sqlite import loop_access, read_queue, write_queue


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn takes all that was gathered, and none is followed by a rest: on a busy machine any
    turn may be late.
    """
    monkeypatch.setattr(write_queue, "SLICE", 60.0)
    for module in (loop_access, read_queue):
        monkeypatch.setattr(module, "REST", 0.0)
