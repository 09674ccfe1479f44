"""resource.python in real programs: its order, its failures, its workers."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from runtime.exit_codes import ExitCode
from tests.support.program import Program, running, start, write_application
from tests.support.workers import pids

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: answer}
  - {name: answer, kind: function.python, source: file://h.py, method: answer, modules: [resource]}
  - {name: client, kind: resource.python, source: file://r.py, method: client, modules: [resource]}
  - name: settings
    kind: resource.python
    source: file://r.py
    method: settings
    modules: [resource]
    options: {greeting: hello}
  - {name: hook, kind: resource.python, source: file://r.py, method: hook, modules: [resource]}
"""
ANSWER = """
from runtime.modules import resource

async def answer():
    return resource.get("client")
"""
RESOURCES = """
import os
from contextlib import asynccontextmanager

from runtime.modules import resource

def say(text):
    os.write(1, f"{text} in {os.getpid()}\\n".encode())  # whole lines, of several workers

@asynccontextmanager
async def client():
    say("client enters")
    yield {"pid": os.getpid(), **resource.get("settings")}
    say("client leaves")

def settings(greeting):
    say("settings enters")
    yield {"greeting": greeting}
    say("settings leaves")

def hook():
    say("hook enters")
    yield
    say("hook leaves")
"""


def application(folder: Path, resources: str = RESOURCES, manifest: str = MANIFEST) -> Path:
    return write_application(folder, manifest, **{"h.py": ANSWER, "r.py": resources})


def get(program: Program) -> Any:
    with urllib.request.urlopen(program.url(), timeout=10) as answer:
        return json.load(answer)


def said(program: Program, text: str) -> list[int]:
    """The processes that said it."""
    lines = [line.split(" in ") for line in program.stdout.splitlines()]
    return [int(pid) for found, pid in lines if found == text]


def refused(folder: Path, resources: str, manifest: str = MANIFEST) -> Program:
    """The program, which has ended because it could not start."""
    program = start(application(folder, resources, manifest))
    try:
        assert program.wait() == ExitCode.START_FAILED, program.stderr
    finally:
        program.kill()
    return program


def test_it_is_entered_before_those_that_use_it_and_left_after_them(tmp_path: Path) -> None:
    with running(application(tmp_path)) as program:
        assert get(program) == {"pid": program.pid, "greeting": "hello"}
        assert program.stop() == ExitCode.OK

    order = [line.partition(" in ")[0] for line in program.stdout.splitlines()]
    assert order.index("settings enters") < order.index("client enters")
    assert order.index("client leaves") < order.index("settings leaves")
    assert {"hook enters", "hook leaves"} <= {*order}, "a hook that nobody uses"
    ready, stopped = "is running", "has stopped"
    sequence = [
        (message.split()[0], ready if ready in message else stopped)
        for message in program.messages
        if ready in message or stopped in message
    ]
    assert sequence.index(("app:client", ready)) < sequence.index(("app:gateway", ready))
    assert sequence.index(("app:gateway", stopped)) < sequence.index(("app:client", stopped))


@pytest.mark.slow
def test_every_worker_has_its_own_also_one_that_takes_the_place_of_another(tmp_path: Path) -> None:
    with running(application(tmp_path), "--workers", "2") as program:
        workers = pids(program)
        for pid in workers.values():
            program.wait_for_output(f"client enters in {pid}\n")
            program.wait_for_output(f"hook enters in {pid}\n")

        os.kill(workers[2], signal.SIGKILL)
        program.wait_for(lambda line: "is back" in line["message"])
        new = pids(program)
        assert new[2] != workers[2]
        program.wait_for_output(f"client enters in {new[2]}\n")

        assert program.stop() == ExitCode.OK
    assert {*said(program, "client leaves")} == {*new.values()}
    assert {*said(program, "hook leaves")} == {*new.values()}


def test_one_that_raises_ends_the_start_with_the_users_line(tmp_path: Path) -> None:
    code = RESOURCES.replace('    say("client enters")', "    raise ValueError('no key')")
    program = refused(tmp_path, code)

    assert "app:client could not start: ValueError: no key" in program.messages
    traceback = program.wait_for("app:client could not start")["error"]
    assert "runtime/engines" not in str(traceback)
    assert "r.py" in str(traceback)
    assert said(program, "settings leaves"), "what had started is left"


def test_one_that_hangs_ends_the_start_after_its_start_timeout(tmp_path: Path) -> None:
    manifest = MANIFEST.replace(
        "method: client,", "method: client, lifecycle: {start_timeout: 200ms},"
    )
    code = RESOURCES.replace(
        '    say("client enters")', "    import asyncio; await asyncio.sleep(1000)"
    )
    program = refused(tmp_path, code, manifest)

    assert "app:client could not start: it was not ready within 200 ms" in program.messages


def test_one_whose_server_is_not_there_yet_is_tried_again(tmp_path: Path) -> None:
    manifest = MANIFEST.replace(
        "method: client,", "method: client, lifecycle: {restart: {initial_delay: 10ms}},"
    )
    code = RESOURCES.replace(
        '    say("client enters")',
        '    say("client enters")\n'
        "    global tries\n"
        "    tries += 1\n"
        "    if tries < 3: raise ConnectionRefusedError('nobody')",
    )
    with running(application(tmp_path, f"tries = 0\n{code}", manifest)) as program:
        assert get(program)["greeting"] == "hello"
        retry = program.wait_for("ConnectionRefusedError: nobody (")
        assert "; it is started again in" in retry["message"]
        assert "r.py:" in retry["message"]
        assert program.stop() == ExitCode.OK
    assert len(said(program, "client enters")) == 3


def test_one_that_raises_as_it_is_left_is_told_and_the_stop_goes_on(tmp_path: Path) -> None:
    code = RESOURCES.replace('    say("client leaves")', "    raise ValueError('no goodbye')")
    with running(application(tmp_path, code)) as program:
        assert program.stop() == ExitCode.OK

    assert "app:client failed while it stopped: ValueError: no goodbye" in program.messages
    assert said(program, "settings leaves")


def test_one_that_yields_again_is_told_so(tmp_path: Path) -> None:
    twice = "    for _ in range(2):\n        yield {}\n"
    code = RESOURCES.replace('    say("hook enters")\n    yield\n', twice)
    with running(application(tmp_path, code)) as program:
        assert program.stop() == ExitCode.OK

    (line,) = [message for message in program.messages if "app:hook failed" in message]
    assert line == (
        "app:hook failed while it stopped: it yielded a second time; "
        "what follows its 'yield' is run at the stop"
    )


def test_one_that_is_not_left_in_time_is_told(tmp_path: Path) -> None:
    manifest = MANIFEST.replace("method: hook,", "method: hook, lifecycle: {stop_timeout: 200ms},")
    code = RESOURCES.replace('    say("hook leaves")', "    import time; time.sleep(1000)")
    with running(application(tmp_path, code, manifest)) as program:
        assert program.stop() == ExitCode.STOP_TIMED_OUT

    assert "app:hook did not stop within 200 ms" in program.messages
    assert said(program, "client leaves")


def test_a_class_of_an_installed_package_needs_no_code(tmp_path: Path) -> None:
    manifest = (
        MANIFEST
        + """
  - name: pool
    kind: resource.python
    source: module://concurrent.futures
    method: ThreadPoolExecutor
    options: {max_workers: 3}
"""
    )
    answer = """
from runtime.modules import resource

async def answer():
    return resource.get("pool").submit(lambda: [5]).result()
"""
    folder = application(tmp_path, manifest=manifest)
    (folder / "h.py").write_text(answer)
    with running(folder) as program:
        assert get(program) == [5]
        assert program.stop() == ExitCode.OK
