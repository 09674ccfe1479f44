"""runtime dead: found, understood, requeued and dropped, running or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.blackbox import eventually
from tests.support.operated import TASKS, Operated


@pytest.fixture
def shop(tmp_path: Path) -> Operated:
    return Operated(tmp_path / "shop")


def fail(shop: Operated, *texts: str) -> list[str]:
    """Have messages die; returns their ids, in the order in which they died."""
    ids = [shop.publish({"fail": text}) for text in texts]
    eventually(lambda: shop.lengths()["dead"] == len(texts))
    return ids


def test_letters_are_the_same_in_the_program_and_in_its_database(shop: Operated) -> None:
    with shop.running():
        first, second = fail(shop, "bad luck", "bad luck")
        running = shop.ask("dead", "ls", TASKS), shop.ask("dead", "ls", "--by-cause")
    stopped = shop.ask("dead", "ls", TASKS), shop.ask("dead", "ls", "--by-cause")

    assert running == stopped
    letters, causes = stopped
    assert [each["id"] for each in letters] == [first, second]
    assert causes == [
        {"queue": TASKS, "place": "tasks.py:5", "error": "ValueError: bad luck", "count": 2}
    ]
    shown = shop.run("dead", "show", TASKS, first)
    assert shown.out.startswith("ValueError: bad luck\n  tasks.py:5 in work\nqueue")
    assert 'bad luck"}' not in shown.out
    assert shop.ask("dead", "show", TASKS, first, "--payload")["payload"] == '{"fail":"bad luck"}'


def test_a_mended_handler_gets_them_again(shop: Operated) -> None:
    with shop.running():
        fail(shop, "a", "b", "c")
    code = shop.folder / "tasks.py"
    code.write_text(code.read_text().replace('raise ValueError(task["fail"])', "pass"))
    with shop.running():
        refused = shop.run("dead", "requeue", TASKS, "--all")
        done = shop.run("dead", "requeue", TASKS, "--all", "--yes", "--rate", "100/s")
        eventually(lambda: shop.lengths()["dead"] == 0)

    assert refused.code == 2
    assert f"this would requeue 3 dead letters of {TASKS}; nothing was done" in refused.err
    assert (done.code, done.out) == (0, f"requeued 3 dead letters of {TASKS}\n")


def test_those_of_an_error_are_dropped_and_the_others_stay(shop: Operated) -> None:
    with shop.running():
        fail(shop, "a")
    none = shop.run("dead", "drop", TASKS, "--error", "TypeError", "--yes")
    done = shop.run("dead", "drop", TASKS, "--error", "ValueError", "--yes")

    assert none.code == 2
    assert "no dead letter of 'app:tasks' has that error; there is ValueError" in none.err
    assert (done.code, done.out) == (0, f"dropped 1 dead letter of {TASKS}\n")
    assert shop.run("dead", "ls").out == "no dead letter\n"


def test_what_could_not_be_requeued_is_told(shop: Operated) -> None:
    with shop.running():
        (id,) = fail(shop, "a")
    ended = shop.run("dead", "requeue", TASKS, id, "nobody")

    assert ended.code == 1
    assert ended.out == f"requeued 1 dead letter of {TASKS}\n"
    assert ended.err.startswith("left: there is no dead letter 'nobody'")


@pytest.mark.parametrize("verb", ["requeue", "drop"])
def test_a_queue_that_is_not_there_is_a_mistake_also_with_ids(shop: Operated, verb: str) -> None:
    with shop.running():
        running = shop.run("dead", verb, "app:tusks", "id", *(["--yes"] * (verb == "drop")))
    stopped = shop.run("dead", verb, "app:tusks", "id", *(["--yes"] * (verb == "drop")))

    for ended in (running, stopped):
        said = f"Error: there is no queue 'app:tusks'; there is {TASKS}"
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(said)


@pytest.mark.parametrize("options", [(), ("--all", "--error", "X"), ("id", "--all")])
def test_it_must_be_said_which(shop: Operated, options: tuple[str, ...]) -> None:
    ended = shop.run("dead", "drop", TASKS, *options)
    assert ended.code == 2
    assert "name messages, or write --all, or --error TYPE" in ended.err


def test_a_rate_is_written_as_elsewhere(shop: Operated) -> None:
    ended = shop.run("dead", "requeue", TASKS, "id", "--rate", "fast")
    assert ended.code == 2
    assert "--rate is 'fast'; write 50/s or 10/m" in ended.err


def test_no_letter_is_no_mistake(shop: Operated) -> None:
    assert json.loads(shop.run("dead", "ls", "--json").out) == []
