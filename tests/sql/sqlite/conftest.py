"""Fixtures of the tests of the event loop's own statements."""

from __future__ import annotations

import pytest

from runtime.engines.sql.sqlite import loop_access, read_queue


@pytest.fixture
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rest after a late turn: on a busy machine any turn may be late."""
    monkeypatch.setattr(loop_access, "REST", 0.0)
    monkeypatch.setattr(read_queue, "REST", 0.0)
