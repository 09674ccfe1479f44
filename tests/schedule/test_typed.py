"""A typed function that a schedule calls itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.service import StartError
from runtime.testing import running
from tests.support.blackbox import write_files

MANIFEST = """
namespace: app
entries:
  - {name: driver, kind: queue.driver.memory}
  - {name: done, kind: queue.queue, driver: driver}
  - name: report
    kind: schedule.cron
    every: 1h
    func: file://h.py#main
    body: {kind: daily, tags: [a]}
    lifecycle: {auto_start: true}
"""
HANDLER = """
from __future__ import annotations
from typing import Annotated, Literal
from msgspec import Struct
from runtime.modules import logger, queue


class Report(Struct):
    kind: Literal["daily", "weekly"]
    tags: list[str] = []


async def main(it: Report, log: logger.Logger, done: Annotated[queue.Queue, "done"]):
    it.tags.append("b")
    await done.publish([it.kind, *it.tags])
"""


def test_it_is_given_a_body_of_its_type_each_time(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {"_index.yaml": MANIFEST, "h.py": HANDLER})
    with running(folder) as app:
        app.advance("2h")
        assert app.published("app:done") == [["daily", "a", "b"]] * 2


def test_a_body_that_does_not_fit_ends_the_start_with_its_place(tmp_path: Path) -> None:
    manifest = MANIFEST.replace("daily", "yearly")
    folder = write_files(tmp_path, {"_index.yaml": manifest, "h.py": HANDLER})
    with (
        pytest.raises(
            StartError,
            match=r"_index\.yaml:\d+:\d+: the body does not fit 'app:report': #/kind: must",
        ),
        running(folder),
    ):
        pass
