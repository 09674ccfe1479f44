"""Times: one way to write a moment, over all commands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime.cli.times import moment
from tests.support.blackbox import eventually, execute
from tests.support.operated import TASKS, Operated

AT = datetime(2026, 11, 28, 7, 20, 5, 740_000, UTC)
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@pytest.mark.parametrize(
    "at",
    [
        AT.timestamp(),
        "2026-11-28T07:20:05.740Z",
        "2026-11-28T07:20:05.740+00:00",
        "2026-11-28T09:20:05+02:00",
        "2026-11-28 07:20:05",
    ],
)
def test_a_moment_is_local_time_however_it_was_given(at: float | str) -> None:
    assert moment(at) == f"{AT.astimezone():%Y-%m-%d %H:%M:%S}"


def test_what_is_no_time_stays_as_it_is() -> None:
    assert moment("") == ""


def test_all_commands_write_the_time_of_a_death_in_one_way(tmp_path: Path) -> None:
    shop = Operated(tmp_path / "shop")
    with shop.running():
        id = shop.publish({"fail": "bad luck"})
        eventually(lambda: shop.lengths()["dead"] == 1)
        (letter,) = shop.ask("dead", "ls", TASKS)
        listed = shop.run("dead", "ls", TASKS).out
        shown = shop.run("dead", "show", TASKS, id).out
        status = shop.run("task", "get", TASKS, id).out
        errors = execute("errors", str(shop.folder)).out

    died = moment(letter["died"])
    assert f"  {died}  " in listed
    assert re.search(rf"^died +{died}$", shown, re.M)
    assert re.search(rf"^ended +{MOMENT}$", status, re.M)
    assert re.search(rf"^1 +{MOMENT}  ValueError: bad luck  tasks\.py:5 ", errors, re.M)
