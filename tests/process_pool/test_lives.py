"""The life of processes beside that of the program, with real signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runtime.exit_codes import ExitCode
from tests.support.blackbox import eventually
from tests.support.processes import is_running, wait_for_end
from tests.support.program import SOON, Program, running, start, write_application

pytestmark = pytest.mark.slow

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: pids, kind: http.endpoint, meta: {router: router}, method: GET, path: /pid, func: pid}
  - {name: pid, kind: function.python, source: file://h.py, method: pid, processes: 2}
  - {name: key, kind: registry.entry, meta: {value: "${secret:KEY|}"}}
  - {name: memory, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: memory}
  - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /, func: post}
  - {name: post_task, kind: function.python, source: file://h.py, method: post}
  - {name: consumer, kind: queue.consumer, queue: tasks, func: wait, lifecycle: {auto_start: true}}
  - name: wait
    kind: function.python
    source: file://h.py
    method: wait
    processes: 1
    lifecycle: {stop_timeout: 1s}
""".replace("func: post}", "func: post_task}")
HANDLERS = """
import os
import time
from runtime.modules.sync import logger, queue, registry

if os.path.exists("broken"):
    raise ImportError("it is broken")

def pid():
    if os.path.exists("end"):
        os._exit(1)
    logger.info("the key is " + registry.get("key")["meta"]["value"])
    return {"pid": os.getpid()}

def post():
    queue.publish("tasks", os.getpid())

def wait(parent):
    logger.info(f"in {os.getpid()}")
    while not os.path.exists("go"):
        time.sleep(0.01)
    logger.info("done")
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    folder = write_application(tmp_path / "shop", MANIFEST, **{"h.py": HANDLERS})
    with running(folder, cwd=tmp_path) as program:
        yield program


def pid_of(program: Program) -> int:
    pid: int = httpx.get(program.url("/pid"), timeout=SOON).json()["pid"]
    return pid


def busy(program: Program) -> int:
    """The process that a message keeps busy."""
    httpx.post(program.url("/"), timeout=SOON)
    line = program.wait_for(lambda line: line["message"].startswith("in "))
    return int(line["message"].partition(" ")[2])


def test_they_end_with_a_program_that_is_killed(program: Program) -> None:
    pids = busy(program), pid_of(program)
    assert all(map(is_running, pids))

    program.signal(signal.SIGKILL)

    wait_for_end(*pids)


def test_a_signal_to_all_processes_lets_the_call_end_first(
    program: Program, tmp_path: Path
) -> None:
    pid = busy(program)

    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGINT)
    program.signal(signal.SIGTERM)
    program.wait_for("app:gateway has stopped")
    (tmp_path / "go").touch()

    assert program.wait() == ExitCode.OK
    assert "done" in program.messages
    wait_for_end(pid)


def test_an_idle_process_that_is_killed_fails_no_call(program: Program) -> None:
    pid = pid_of(program)
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)

    answers = [httpx.get(program.url("/pid"), timeout=SOON) for _ in range(4)]

    assert {"pid": pid} not in [answer.json() for answer in answers]
    assert {answer.status_code for answer in answers} == {200}


def test_secrets_are_redacted_in_the_lines_of_their_logs(tmp_path: Path) -> None:
    folder = write_application(tmp_path / "shop", MANIFEST, **{"h.py": HANDLERS})
    with running(folder, cwd=tmp_path, env={"KEY": "very secret"}) as program:
        pid_of(program)

        line = program.wait_for("the key is ")
        assert line["entry"] == "app:pid"
        assert "request_id" in line
        assert "very secret" not in program.stderr


def test_what_cannot_be_replaced_is_tried_again_by_the_restart_policy(
    program: Program, tmp_path: Path
) -> None:
    url = program.url("/pid")
    (tmp_path / "broken").touch()
    (tmp_path / "end").touch()
    assert httpx.get(url, timeout=SOON).status_code == 500
    program.wait_for(lambda line: "it is broken" in line["message"])
    (tmp_path / "end").unlink()

    assert httpx.get(url, timeout=SOON).status_code == 503

    (tmp_path / "broken").unlink()
    eventually(lambda: httpx.get(url, timeout=SOON).status_code == 200, within=20)


def test_each_worker_has_its_own(tmp_path: Path) -> None:
    without_queue = MANIFEST.partition("  - {name: memory")[0]
    folder = write_application(tmp_path / "shop", without_queue, **{"h.py": HANDLERS})
    with running(folder, "--workers", "2", cwd=tmp_path) as program:
        program.wait_for(lambda line: line["message"].startswith("ready"))
        assert sum("app:pid is running" in text for text in program.messages) == 2
        assert is_running(pid_of(program))
        assert program.stop() == ExitCode.OK


def test_a_module_that_its_processes_cannot_import_stops_the_start(tmp_path: Path) -> None:
    once = "import os\nassert not os.environ.get('ONCE'), 'only once'\nos.environ['ONCE'] = '1'\n"
    folder = write_application(tmp_path / "shop", MANIFEST, **{"h.py": once + HANDLERS})
    program = start(folder, cwd=tmp_path)
    try:
        assert program.wait() == ExitCode.START_FAILED
        line = program.wait_for("cannot be imported in a process of its own")
        assert line["message"].endswith(
            "h.pid cannot be imported in a process of its own: only once"
        )
    finally:
        program.kill()
