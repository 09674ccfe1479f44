"""runtime task and runtime cron: one message, and one schedule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.operated import TASKS, Operated


@pytest.fixture
def shop(tmp_path: Path) -> Operated:
    return Operated(tmp_path / "shop")


def test_a_message_is_waited_for_and_tells_its_result(shop: Operated) -> None:
    with shop.running():
        id = shop.publish({"n": 1})
        status = shop.ask("task", "get", TASKS, id, "--wait", "30s")
        shown = shop.run("task", "get", TASKS, id)

    assert (status["status"], status["result"]) == ("done", {"ok": True})
    assert re.search(r"^status +done$", shown.out, re.M)
    assert re.search(r'^result +\{"ok": true\}$', shown.out, re.M)
    assert shop.ask("task", "get", TASKS, id) == status  # and from the database


def test_a_message_that_waits_is_cancelled_without_a_program(shop: Operated) -> None:
    id = shop.publish({"n": 1})
    waiting = shop.run("task", "get", TASKS, id, "--wait", "1ms")
    cancelled = shop.ask("task", "cancel", TASKS, id)

    assert waiting.code == 1
    assert "queued" in waiting.out
    assert cancelled["status"] == "cancelled"
    assert shop.lengths()["ready"] == 0


def test_an_unknown_message_is_one_line(shop: Operated) -> None:
    shop.publish({})  # which makes the database
    ended = shop.run("task", "get", TASKS, "nobody")
    assert (ended.code, ended.err) == (2, "Error: queue 'app:tasks' knows no message 'nobody'\n")


def test_a_schedule_tells_its_times_and_is_fired_by_hand(shop: Operated) -> None:
    times = shop.run("cron", "next", "app:nightly", "-n", "3").out.splitlines()
    assert len(times) == 3
    assert shop.run("cron", "fire", "nightly").out == "nightly has fired\n"
    assert shop.lengths()["ready"] == 1
    again = shop.run("cron", "fire", "app:nightly").out
    assert again.startswith("app:nightly: the message before it is unfinished")
    with shop.running() as program:
        program.wait_for("worked")
        (found,) = shop.ask("cron", "ls")

    assert (found["id"], found["times"]) == ("app:nightly", "30 2 * * * Europe/Berlin")
    assert found["target"] == TASKS
    assert found["last"] is not None


def test_an_unknown_schedule_is_one_line(shop: Operated) -> None:
    ended = shop.run("cron", "fire", "app:daily")
    assert ended.code == 2
    assert "there is no schedule 'app:daily'; there is app:nightly" in ended.err
