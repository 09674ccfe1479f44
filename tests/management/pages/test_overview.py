"""The overview: what it says below the sentence."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runtime.engines.management.pages import overview
from runtime.engines.management.pages.flow import Flow
from runtime.engines.management.verdict import Deaths, verdict
from tests.support.night import SNAPSHOT, sight


@pytest.mark.parametrize(("count", "which"), [(1, "It failed in"), (3, "Most of them failed in")])
def test_one_message_is_not_most_of_them(count: int, which: str) -> None:
    deaths = {"app:tasks_queue": Deaths(count, "TypeError@process_task.py:22")}
    told = replace(SNAPSHOT, verdict=verdict(SNAPSHOT, deaths))

    page = overview.render(sight(snapshot=told), Flow(), None)

    assert f'<p class="more">{which} <a' in page
    assert "process_task.py:22</a> with TypeError." in page
