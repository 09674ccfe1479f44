"""Calls of functions in processes of their own: arguments, results, and what they may use."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.queue.outcome import Retry
from runtime.testing import App, running
from tests.support.blackbox import eventually
from tests.support.processes import MANIFEST, WORK, is_running, wait_for_end
from tests.support.program import write_application


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = write_application(tmp_path_factory.mktemp("shop"), MANIFEST, **{"work.py": WORK})
    with running(folder) as app:
        yield app


def asked(app: App, path: str) -> Any:
    return app.get(path).json()["is"]


def failures(app: App) -> list[str]:
    return [line.message for line in app.logs("work") if line.level == "error"]


def test_a_function_is_called_in_one_process_again_and_again(app: App) -> None:
    first, second = asked(app, "/pid"), asked(app, "/pid")

    assert first == second
    assert is_running(first)


def test_ctrl_c_of_a_terminal_does_not_reach_it(app: App) -> None:
    assert asked(app, "/session") is True


@pytest.mark.parametrize(
    ("action", "end"),
    [
        ("segfault", "was ended by SIGSEGV"),
        ("exit", "ended with exit code 3"),
    ],
)
def test_a_process_that_ends_fails_its_call_and_is_replaced(
    app: App, action: str, end: str
) -> None:
    before = asked(app, "/pid")

    assert app.get(f"/{action}").status == 500
    text = f"GET /{{action}} failed: ProcessEnded: the process of app:work {end}"
    assert failures(app)[-1] == text
    assert asked(app, "/pid") != before


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("sys.exit", "RuntimeError: the handler raised SystemExit: 3"),
        ("odd", "ProcessError: Odd: 5: not for pickle"),
        ("lambda", "UnsentValue: what it returned cannot be sent from its process: "),
        ("nobody", "LookupError: no entry 'app:wrok'; did you mean 'app:work'?"),
        ("sql", "NotInProcess: 'app:db' (db.sql.sqlite) cannot be used in the processes of "),
        ("message", "RuntimeError: there is no message here; 'app:work' was not called by a "),
        ("unfit", "NotJSON: "),
    ],
)
def test_a_failure_is_told_as_that_of_a_thread_and_the_process_stays(
    app: App, action: str, text: str
) -> None:
    before = asked(app, "/pid")

    assert app.get(f"/{action}").status == 500
    assert failures(app)[-1].startswith(f"GET /{{action}} failed: {text}")
    assert asked(app, "/pid") == before


def test_the_traceback_is_that_of_the_function(app: App) -> None:
    app.get("/odd")

    text = app.logs("work")[-1].text
    assert 'raise Odd(5, "not for pickle")' in text
    assert "process_pool" not in text


def test_an_error_for_the_client_keeps_its_status_headers_and_members(app: App) -> None:
    answer = app.get("/missing")

    assert (answer.status, answer.headers["x-a"], answer.json()["since"]) == (410, "b", 2020)


def test_it_reads_entries_publishes_and_uses_stores(app: App) -> None:
    assert asked(app, "/fields") == 1
    assert len(asked(app, "/publish")) == 2
    assert app.published("results")[-2:] == [[1], [2]]
    assert asked(app, "/store") == [{"b": 1}, True]


def test_large_results_come_through(app: App) -> None:
    assert asked(app, "/large") == 40_000_000


def test_a_message_has_its_headers_and_its_attempts(app: App) -> None:
    app.publish("tasks", "a", headers={"x": "y"})
    app.drain("tasks")

    assert app.published("results")[-1] == {"body": "a", "headers": {"x": "y"}}


def test_lines_of_its_log_have_the_entry_and_the_message(app: App) -> None:
    app.publish("tasks", "b")
    app.drain("tasks")

    begun, library = app.logs("task")[-2:]
    assert (begun.message, library.message) == ("begun", "from a thread: MainThread")
    assert (begun.fields["attempt"], begun.fields["last"]) == (1, False)
    assert begun.fields["key"].startswith("<unlocked _thread.lock")
    assert begun.fields["message_id"] == library.fields["message_id"]


def test_a_message_is_rejected_and_settled_from_the_process(app: App) -> None:
    app.publish("tasks", "reject", "ack")
    app.drain("tasks", failing=Exception)

    assert [letter.reason for letter in app.dead("tasks")] == ["rejected"]
    assert app.logs("task")[-1].message == "app:task settled its message and failed after that"


def test_the_delay_of_a_retry_is_kept_on_the_way() -> None:
    assert pickle.loads(pickle.dumps(Retry("30s"))).delay == 30


def test_a_process_that_dies_spends_an_attempt_of_its_message(app: App) -> None:
    app.publish("tasks", "die")
    app.drain("tasks", advance=True, failing=Exception)

    letter = app.dead("tasks")[-1]
    assert letter.error == "ProcessEnded: the process of app:task was ended by SIGKILL"
    assert letter.attempts == 2
    app.publish("tasks", "after")
    app.drain("tasks")
    assert app.published("results")[-1]["body"] == "after"


def test_a_call_that_takes_too_long_is_killed_with_what_it_started(tmp_path: Path) -> None:
    folder = write_application(tmp_path, MANIFEST, **{"work.py": WORK})
    with running(folder) as app:  # its own, which has its second attempt in the end
        before = len(app.published("results"))
        app.publish("tasks", "child")
        eventually(lambda: len(app.published("results")) > before, within=20)
        child, process = app.published("results")[-1]
        assert is_running(child)

        with pytest.raises(TimeoutError, match="not done after 2 s"):
            app.advance("2s")

        wait_for_end(child, process)
        app.publish("tasks", "next")
        app.drain("tasks")
        assert app.published("results")[-1]["body"] == "next"
