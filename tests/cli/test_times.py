"""Times: one way to write a moment, over all commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runtime.cli.times import moment
from runtime.engines.management.pages import words
from runtime.units import format_time, parse_time
from tests.support.blackbox import eventually, execute
from tests.support.managing import ANY_PORT, Managed
from tests.support.operated import TASKS, Operated
from tests.support.program import running

AT = datetime(2026, 11, 28, 7, 20, 5, 740_000, UTC)
YEAR_2001 = 1_000_000_000
"""Seconds since 1970; nothing else in JSON is a number so large."""
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-28T07:20:05.740Z",
        "2026-11-28T07:20:05.740+00:00",
        "2026-11-28T09:20:05+02:00",
        "2026-11-28 07:20:05",
    ],
)
def test_a_moment_is_local_time_however_it_was_given(at: str) -> None:
    assert moment(at) == f"{AT.astimezone():%Y-%m-%d %H:%M:%S}"


def test_a_time_of_json_is_read_as_it_was_written() -> None:
    assert format_time(AT.timestamp()) == "2026-11-28T07:20:05.740Z"
    assert parse_time("2026-11-28T07:20:05.740Z") == AT.timestamp()


@pytest.mark.parametrize("text", ["", "0001-01-01T00:00:00", "9999-12-31T23:59:59-05:00"])
def test_what_is_no_time_stays_as_it_is(text: str) -> None:
    assert moment(text) == text
    assert words.moment(text, AT.timestamp()) == words.NONE


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


def test_no_time_in_json_is_a_number(tmp_path: Path) -> None:
    shop = Operated(tmp_path / "shop")
    with running(shop.folder, "--management", ANY_PORT) as program:
        site = Managed(program, shop.folder)
        dead = shop.publish({"fail": "bad luck"})
        eventually(lambda: shop.lengths()["dead"] == 1)
        shop.run("cron", "fire", "nightly")
        shop.run("queue", "pause", TASKS)
        waiting, delayed = shop.publish({}), shop.publish({}, "--delay", "1h")
        asked = [
            shop.ask("dead", "ls"),
            shop.ask("dead", "show", TASKS, dead),
            shop.ask("queue", "peek", TASKS),
            shop.ask("queue", "peek", TASKS, "--state", "delayed"),
            shop.ask("task", "get", TASKS, delayed),
            shop.ask("cron", "ls"),
            *(site.get(each).json for each in (
                f"/api/queues/{TASKS}/messages", f"/api/queues/{TASKS}/messages?state=delayed",
                f"/api/queues/{TASKS}/messages/{waiting}", f"/api/traces/{dead}",
                "/api/dead", "/api/traces", "/api/errors", "/api/logs", "/api/status",
            )),
        ]  # fmt: skip
    found = [*leaves(asked)]

    assert [
        each for each in found if isinstance(each[1], float | int) and each[1] > YEAR_2001
    ] == []
    times = [each for each in found if re.match(r"20\d\d-\d\d-", str(each[1]))]
    names = {name for name, _ in times}
    assert {"published", "died", "due", "next", "last", "started", "first", "time"} <= names
    assert [each for each in times if not str(each[1]).endswith("Z")] == []


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The plain values of JSON, each with the name that is nearest."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, name)
    else:
        yield name, value
