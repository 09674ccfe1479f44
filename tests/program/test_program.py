"""The program: nothing that a handler leaves behind ends it early or keeps it alive."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.log import log as logs
from runtime.log.traceback import format_traceback
from tests.support.program import PLAIN_LOOP, running, unshare_works, write_application
from tests.support.stopping import IDLE, application, ended

LOOPS = pytest.mark.parametrize("before", ["", PLAIN_LOOP], ids=["uvloop", "asyncio"])

FORGETS_A_THREAD = """
import asyncio, threading
async def main():
    threading.Thread(target=threading.Event().wait).start()
    await asyncio.sleep(60)
"""
FORGETS_A_TASK = """
import asyncio, sys
async def leave():
    sys.exit(3)
async def main():
    task = asyncio.create_task(leave())
    await asyncio.wait({task})
    print("goes on", flush=True)
    await asyncio.sleep(60)
"""
FORGETS_A_GENERATOR = """
import asyncio
async def numbers():
    try:
        yield 1
    finally:
        await asyncio.sleep(60)
kept = numbers()
async def main():
    await anext(kept)
    await asyncio.sleep(60)
"""
SIGNALS_AT_THE_END = """
import os
class Last:
    def __del__(self, kill=os.kill, pid=os.getpid, write=os.write):
        write(1, b"the end\\n")
        kill(pid(), 15)
os.last = Last()  # in a module, which is cleared last; what only the collector would find stays
"""
BREAKS_WITH_A_THREAD = """
import threading
threading.Thread(target=threading.Event().wait).start()
1 / 0
def main():
    pass
"""
SERVERS = """
namespace: app
entries:
  - {name: late, kind: http.service, addr: "127.0.0.1:PORT", lifecycle: {auto_start: true}}
  - {name: driver, kind: queue.driver.memory, lifecycle: {auto_start: true}}
  - {name: host, kind: process.host}
  - {name: main, kind: process.python, source: file://main.py}
  - name: migrate
    kind: process.service
    process: main
    host: host
    type: oneshot
    lifecycle: {auto_start: true}
"""
QUICK = {"main.py": "def main():\n    pass\n"}


@LOOPS
def test_a_thread_that_a_handler_forgot_does_not_hold_the_program(
    before: str, tmp_path: Path
) -> None:
    with running(application(tmp_path, FORGETS_A_THREAD), before=before) as program:
        program.signal(15)

        assert ended(program) == 0


@LOOPS
def test_a_task_that_calls_exit_ends_itself_only(before: str, tmp_path: Path) -> None:
    with running(application(tmp_path, FORGETS_A_TASK), before=before) as program:
        program.wait_for_output("goes on")
        program.wait_for("a task raised SystemExit(3), which ends the task only")

        assert program.stop() == 0


@LOOPS
def test_a_generator_that_does_not_close_is_left_behind(before: str, tmp_path: Path) -> None:
    with running(application(tmp_path, FORGETS_A_GENERATOR), before=before) as program:
        program.signal(15)

        assert ended(program) == 0


def test_a_signal_while_python_shuts_down_changes_no_exit_code(tmp_path: Path) -> None:
    with running(application(tmp_path, IDLE), before=SIGNALS_AT_THE_END) as program:
        assert program.stop() == 0
        assert "the end" in program.stdout


def test_a_handler_that_fails_at_import_leaves_no_thread_that_holds_the_program(
    tmp_path: Path,
) -> None:
    folder = application(tmp_path, BREAKS_WITH_A_THREAD)
    with running(folder, ready=False) as program:
        assert ended(program) == 4


def test_services_start_by_stage_and_stop_in_reverse(tmp_path: Path) -> None:
    folder = write_application(tmp_path, SERVERS.replace("PORT", "0"), **QUICK)
    with running(folder) as program:
        program.stop()
        messages = program.messages

    def told(what: str) -> list[str]:
        return [text.split()[0] for text in messages if what in text]

    assert sorted(told(" is running")[:2]) == ["app:driver", "app:host"]
    assert told(" has ended") == ["app:migrate"]
    assert told(" is running")[-1] == "app:late"
    assert told(" has stopped")[0] == "app:late"
    assert sorted(told(" has stopped")[1:]) == ["app:driver", "app:host"]


def test_a_taken_port_is_4_with_one_error_and_what_started_is_stopped(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        folder = write_application(tmp_path, SERVERS.replace("PORT", str(port)), **QUICK)
        with running(folder, ready=False) as program:
            assert ended(program) == 4
            (error,) = [line for line in program.log if line["level"] == "error"]
            assert "app:late could not start" in error["message"]
            assert str(port) in error["message"]
            assert any("app:driver has stopped" in text for text in program.messages)


def test_an_error_of_the_runtime_itself_is_1(tmp_path: Path) -> None:
    broken = """
import runtime.supervision.supervisor
async def start(self):
    raise RuntimeError("a bug")
runtime.supervision.supervisor.Supervisor.start = start
"""
    folder = write_application(tmp_path, SERVERS.replace("PORT", "0"), **QUICK)
    with running(folder, ready=False, before=broken) as program:
        assert program.wait() == 1
        assert "unexpected error of the runtime; please report it" in program.stderr


def test_nobody_reading_the_log_does_not_stop_the_work(tmp_path: Path) -> None:
    source = "import os\nasync def main():\n    os.write(1, b'works')\n    return 1\n"
    folder = application(tmp_path, source)
    reading, writing = os.pipe()
    os.close(reading)
    started = subprocess.Popen(
        [sys.executable, "-m", "runtime", "run", str(folder)],
        stdout=subprocess.PIPE,
        stderr=writing,
    )
    os.close(writing)
    try:
        assert started.stdout is not None
        assert started.stdout.read(5) == b"works"
        started.terminate()
        assert started.wait(30) == 0
    finally:
        started.kill()
        started.communicate()


def test_a_program_started_without_a_stderr_works(tmp_path: Path) -> None:
    folder = application(tmp_path, "def main():\n    return 1\n", "oneshot")
    command = f"exec '{sys.executable}' -m runtime run '{folder}' 2>&-"

    assert subprocess.run(["sh", "-c", command], check=False, timeout=10).returncode == 4


@pytest.mark.skipif(not unshare_works(), reason="no new PID namespace may be made here")
def test_as_pid_1_it_passes_the_exit_code_of_the_program_on(tmp_path: Path) -> None:
    folder = application(tmp_path, "def main():\n    return 1\n", "oneshot")
    inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    with running(folder, ready=False, inside=inside) as program:
        assert program.wait() == 4


def test_a_traceback_begins_in_the_users_code() -> None:
    inside = os.path.dirname(logs.__file__)
    source = {"call": compile("def call(f): f()", f"{inside}/handler.py", "exec")}
    scope: dict[str, object] = {}
    exec(source["call"], scope)

    def handler() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        scope["call"](handler)  # type: ignore[operator]
    caught.value.__traceback__ = caught.value.__traceback__.tb_next  # the frame of this test

    frames = [line for line in format_traceback(caught.value).splitlines() if "File" in line]
    assert len(frames) == 1
    assert "in handler" in frames[0]


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    terminal: bool,
    environment: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)

    logs.for_terminal("console", "info", environment).write(30, "test", "hello")

    assert ("\033[" in stream.getvalue()) is coloured
    assert "hello" in stream.getvalue()
