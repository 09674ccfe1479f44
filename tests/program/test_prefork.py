"""Workers: how they start, what each of them runs, and when one is replaced."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import pytest

from tests.support.blackbox import Site, eventually, execute
from tests.support.program import (
    running,
    write_application,
)
from tests.support.workers import SERVER, application, count, kill, no_surprise, pids

pytestmark = pytest.mark.slow


def test_a_taken_port_is_4_with_one_line_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(application(tmp_path, port=port), "--workers", "2", ready=False) as program:
            assert program.wait() == 4
            assert program.messages == [
                f"app:gateway could not start: address '127.0.0.1:{port}' is in use; "
                "stop what listens there, or set another 'addr'"
            ]


def test_what_runs_once_runs_in_the_first_worker_and_again_in_its_successor(
    tmp_path: Path,
) -> None:
    folder = application(tmp_path, "def main():\n    return 0\n")
    with running(folder, "--workers", "3") as program:
        ended = [line for line in program.log if "app:once has ended" in line["message"]]
        assert [line["worker"] for line in ended] == [1]
        second = next(i for i, t in enumerate(program.messages) if t.startswith("worker 2"))
        assert any("app:once has ended" in text for text in program.messages[:second])

        kill(program, 2)
        assert count(program, "app:once has ended") == 1
        kill(program, 1)
        assert count(program, "app:once has ended") == 2
        assert program.stop() == 0


def test_a_process_for_ever_runs_in_the_first_worker_only(tmp_path: Path) -> None:
    main = "import asyncio\nasync def main():\n    await asyncio.sleep(60)\n"
    with running(application(tmp_path, main, "simple"), "--workers", "2") as program:
        started = [line for line in program.log if "app:once is running" in line["message"]]

        assert [line["worker"] for line in started] == [1]


def test_what_ends_before_it_was_ever_ready_ends_all_with_its_code(tmp_path: Path) -> None:
    folder = application(tmp_path, "def main():\n    return 1\n")
    with running(folder, "--workers", "3", ready=False) as program:
        assert program.wait() == 4
        program.wait_for("app:once could not start: it ended with exit code 1")
        assert count(program, "ended with exit code 4; it was never ready, so all stop") == 1
        assert count(program, "worker 2") == 0
        no_surprise(program)


def test_a_service_that_failed_for_good_in_one_worker_is_5_in_the_end(tmp_path: Path) -> None:
    main = "import asyncio\nasync def main():\n    await asyncio.sleep(0.05)\n    return 3\n"
    folder = application(tmp_path, main, "simple")
    with running(folder, "--workers", "2") as program:
        program.wait_for("app:once failed for good")

        assert program.stop() == 5


def test_a_worker_killed_while_it_starts_is_replaced(tmp_path: Path) -> None:
    main = """
import os, pathlib, signal
def main():
    mark = pathlib.Path(__file__).parent / "killed"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""
    with running(application(tmp_path, main), "--workers", "2") as program:
        assert count(program, "was ended by SIGKILL; it is replaced in") == 1
        assert program.stop() == 0


def test_a_worker_that_was_told_to_stop_by_hand_is_replaced(tmp_path: Path) -> None:
    with running(application(tmp_path), "--workers", "2") as program:
        before = pids(program)[2]
        os.kill(before, signal.SIGTERM)
        program.wait_for(f"worker 2 (pid {before}) ended with exit code 0; it is replaced")
        eventually(lambda: pids(program)[2] != before, within=20)

        assert program.stop() == 0


def test_workers_have_the_options_and_no_handler_sees_that_it_is_in_one(tmp_path: Path) -> None:
    source = """
import os
from runtime.modules import registry
async def answer():
    return {
        "worker": [name for name in os.environ if "RUNTIME_WORKER" in name],
        "value": registry.get("value")["is"],
        "open": sum(os.get_inheritable(int(fd)) for fd in os.listdir("/proc/self/fd")
                    if os.path.exists(f"/proc/self/fd/{fd}") and int(fd) > 2),
    }
"""
    entry = "  - {name: value, kind: registry.entry, is: '${env:CANARY}'}\n"
    files = {"h.py": source, "vars": "CANARY=tweet-tweet-4711\n", "none": "CANARY=none\n"}
    files["prod.yaml"] = "app:gateway: {addr: '127.0.0.1:0'}"
    folder = write_application(tmp_path / "app", SERVER.replace("PORT", "1") + entry, **files)
    options = ["-f", "app/prod.yaml", "-o", "app:gateway:max_body=1KiB", "--workers", "2"]
    variables = ["--env-file", "app/none", "--env-file", "app/vars"]
    with running(folder.name, *options, *variables, cwd=tmp_path) as program:
        answer = Site(program).ask("GET", "/").json
        commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids(program).values()]

        assert answer == {"worker": [], "value": "tweet-tweet-4711", "open": 0}
        assert "4711" not in "".join(commands)


def test_on_the_console_a_line_begins_with_its_worker(tmp_path: Path) -> None:
    with running(
        application(tmp_path), "--workers", "2", "--log-format", "console", ready=False
    ) as program:
        eventually(lambda: "ready in" in program.stderr, within=20)
        program.stop()

    assert re.search(r"info +\[2\] app:gateway is running on http", program.stderr)
    assert re.search(r"ready in .* with 2 workers: http://127\.0\.0\.1:\d+\n", program.stderr)


def test_one_worker_is_the_program_itself(tmp_path: Path) -> None:
    with running(application(tmp_path), "--workers", "1") as program:
        assert not [line for line in program.log if "worker" in line]
        assert program.stop() == 0


@pytest.mark.parametrize("count", ["0", "-1", "257", "many", "1.5"])
def test_a_number_of_workers_that_is_none_is_wrong_usage(count: str, tmp_path: Path) -> None:
    ended = execute("run", str(application(tmp_path)), "--workers", count)

    assert ended.code == 2
    assert "--workers" in ended.err
    assert "Traceback" not in ended.err


def test_workers_that_would_have_nothing_to_do_are_refused(tmp_path: Path) -> None:
    folder = application(tmp_path, "def main(): pass\n")

    ended = execute("run", str(folder), "--workers", "2", "--only", "once")

    assert ended.code == 2
    assert "no consumer and no server runs here, so one process is enough" in ended.err


def test_what_looks_like_a_word_from_a_parent_is_ignored(tmp_path: Path) -> None:
    for text in ("", "x", "[1, 2]", '[1, 998, 999, {"app:gateway": 997}]', '[1, "a", 3, 4]'):
        with running(application(tmp_path), env={"_RUNTIME_WORKER": text}) as program:
            assert program.stop() == 0
