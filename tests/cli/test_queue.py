"""runtime queue: the same answers from the application that runs, and from its database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.operated import TASKS, Operated


@pytest.fixture
def shop(tmp_path: Path) -> Operated:
    return Operated(tmp_path / "shop")


def test_a_paused_queue_shows_its_messages_running_or_not(shop: Operated) -> None:
    with shop.running() as program:
        assert shop.run("queue", "pause", TASKS).out == f"{TASKS} is paused\n"
        first = shop.publish({"n": 1}, "-H", "tenant=acme")
        urgent = shop.publish({"n": 2}, "--priority", "5")
        later = shop.publish({"n": 3}, "--delay", "1h")
        running = [shop.ask("queue", "peek", TASKS), shop.lengths()]
        program.stop()
    stopped = [shop.ask("queue", "peek", TASKS), shop.lengths()]

    for messages, lengths in (running, stopped):
        assert [each["id"] for each in messages] == [urgent, first]
        assert [each["headers"] for each in messages] == [{}, {"tenant": "acme"}]
        assert (lengths["ready"], lengths["delayed"], lengths["paused"]) == (2, 1, True)
    (delayed,) = shop.ask("queue", "peek", TASKS, "--state", "delayed")
    assert delayed["id"] == later
    assert [each["id"] for each in shop.ask("queue", "peek", TASKS, "-n", "1")] == [urgent]


def test_what_is_done_is_seen_at_once_though_lengths_are_kept_for_a_second(shop: Operated) -> None:
    with shop.running():
        assert shop.run("queue", "pause", TASKS).code == 0
        for number in range(3):
            assert (shop.lengths()["ready"], shop.lengths()["paused"]) == (number, True)
            shop.publish({"n": number})
        assert shop.run("queue", "purge", TASKS, "--yes").code == 0
        assert shop.lengths()["ready"] == 0


def test_a_name_is_enough_where_it_means_one_queue(shop: Operated) -> None:
    name = TASKS.partition(":")[2]
    assert shop.run("queue", "pause", name).code == 0
    assert shop.lengths()["paused"]
    unknown = shop.run("queue", "pause", "task")
    assert (unknown.code, unknown.err) == (
        2,
        f"Error: there is no queue 'task'; there is {TASKS}\n",
    )


def test_it_is_delivered_again_after_a_resume_of_the_stopped_application(shop: Operated) -> None:
    assert shop.run("queue", "pause", TASKS).code == 0
    shop.publish({"n": 1})
    with shop.running():
        assert shop.lengths()["ready"] == 1
    assert shop.run("queue", "resume", TASKS).code == 0
    with shop.running() as program:
        program.wait_for("worked")


def test_who_looks_at_a_payload_is_told_in_the_log(shop: Operated) -> None:
    with shop.running() as program:
        shop.run("queue", "pause", TASKS)
        id = shop.publish({"secret": "no log has this"})
        plain = shop.run("queue", "peek", TASKS)
        shown = shop.run("queue", "peek", TASKS, "--payload", env={"LOGNAME": "ann"})
        program.wait_for(f"the payload of message {id} was shown to ann")

    assert "no log has this" not in plain.out
    assert '{"secret":"no log has this"}' in shown.out
    assert "no log has this" not in program.stderr


def test_a_purge_says_what_it_would_do_where_nobody_can_be_asked(shop: Operated) -> None:
    shop.publish({"n": 1})
    shop.publish({"n": 2})
    refused = shop.run("queue", "purge", TASKS)
    done = shop.run("queue", "purge", TASKS, "--yes")

    assert (refused.code, done.code) == (2, 0)
    assert f"this would delete 2 ready messages of {TASKS}; nothing was done" in refused.err
    assert done.out == f"deleted 2 messages of {TASKS}\n"
    assert shop.lengths()["ready"] == 0


def test_one_message_is_one_also_by_the_name_of_its_queue(shop: Operated) -> None:
    shop.publish({"n": 1})
    refused = shop.run("queue", "purge", "tasks")
    done = shop.run("queue", "purge", "tasks", "--yes")

    assert "this would delete 1 ready message of tasks; nothing was done" in refused.err
    assert done.out == "deleted 1 message of tasks\n"


def test_the_log_has_the_id_of_a_queue_that_was_named_without_it(shop: Operated) -> None:
    with shop.running() as program:
        for words in (("pause",), ("publish", '{"fail": "a"}'), ("purge", "--yes"), ("resume",)):
            assert shop.run("queue", words[0], "tasks", *words[1:]).code == 0
        program.wait_for(f"{TASKS} is resumed by management")
    told = [each for each in program.log if "by management" in each["message"]]

    assert [each["entry"] for each in told] == [TASKS] * 4
    assert "1 message purged by management" in [each["message"] for each in told]


def test_the_log_does_not_say_that_a_schedule_has_fired_which_has_not(shop: Operated) -> None:
    with shop.running() as program:
        shop.run("queue", "pause", TASKS)
        assert shop.run("cron", "fire", "nightly").out == "nightly has fired\n"
        assert "so nothing was published" in shop.run("cron", "fire", "nightly").out
        program.wait_for("app:nightly: not fired by hand: the message before it is unfinished")


def test_a_message_comes_from_the_standard_input(shop: Operated) -> None:
    ended = shop.run("queue", "publish", TASKS, input='{"n": 1}')
    assert ended.code == 0
    assert shop.lengths()["ready"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("publish", TASKS, "no json"), "the message is not JSON"),
        (("publish", TASKS, "1", "-H", "x"), "'-H x' has no value; write -H NAME=VALUE"),
        (("publish", TASKS, "1", "--delay", "soon"), "--delay: 'soon' is not a duration"),
        (("publish", TASKS, ""), "the message is empty; null is the smallest one"),
        (("peek", "app:tusks"), "there is no queue 'app:tusks'; there is app:tasks"),
        (("peek", "app:brief"), "'app:brief' is in memory only, and the application does not run"),
        (("peek", "brief"), "'app:brief' is in memory only, and the application does not run"),
        (("purge", "tusks"), "there is no queue 'tusks'; there is app:tasks"),
    ],
)
def test_a_mistake_is_one_line(shop: Operated, words: tuple[str, ...], said: str) -> None:
    shop.publish({})  # which makes the database
    ended = shop.run("queue", *words)

    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


def test_an_application_that_keeps_nothing_is_told(shop: Operated) -> None:
    (shop.folder / "_index.yaml").write_text("""
namespace: app
entries:
  - {name: memory, kind: queue.driver.memory}
  - {name: brief, kind: queue.queue, driver: memory}
""")
    ended = shop.run("queue", "peek", "app:brief")

    assert ended.code == 2
    assert "the application does not run, and none of its queues is kept anywhere else" in ended.err
