"""Workers and signals: to the parent, to one of them, and without the parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.program import (
    MARK,
    running,
    start,
    unshare_works,
)
from tests.support.stopping import patient
from tests.support.workers import application, no_surprise, pids

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_to_the_parent_drains_every_worker_once(name: str, tmp_path: Path) -> None:
    with running(application(tmp_path), "--workers", "3") as program:
        program.signal(getattr(signal, name))

        assert program.wait() == 0
        stopped = [line for line in program.log if line["message"].startswith("stopped in")]
        assert sorted(line.get("worker", 0) for line in stopped) == [0, 1, 2, 3]
        no_surprise(program)


def test_ctrl_c_in_a_terminal_reaches_the_workers_once(tmp_path: Path) -> None:
    slow = "import asyncio\nfrom runtime.modules import process\nasync def main():\n"
    slow += "    await process.stopping()\n    await asyncio.sleep(0.2)\n"
    folder = application(tmp_path, slow, "simple")
    with running(folder, "--workers", "2") as program:
        os.killpg(program.pid, signal.SIGINT)

        assert program.wait() == 0


def test_workers_whose_parent_was_killed_drain_by_themselves(tmp_path: Path) -> None:
    with running(application(tmp_path), "--workers", "3") as program:
        program.signal(signal.SIGKILL)

        assert program.wait() == -signal.SIGKILL  # it waits until none holds the output open
        stopped = [line for line in program.log if line["message"].startswith("stopped in")]
        assert sorted(line["worker"] for line in stopped) == [1, 2, 3]
        assert all(line["message"].endswith("exit code 0") for line in stopped)


def test_a_second_signal_ends_all_workers_at_once(tmp_path: Path) -> None:
    hangs = "import time\ndef main():\n    time.sleep(60)\n"
    with running(patient(application(tmp_path, hangs, "simple")), "--workers", "2") as program:
        program.signal(signal.SIGTERM)
        program.wait_for(lambda line: line["message"] == "stopping" and line.get("worker") == 1)
        program.signal(signal.SIGTERM)

        assert program.wait() == 6
        no_surprise(program)


def test_a_worker_that_stands_still_is_killed_after_its_budget(tmp_path: Path) -> None:
    with running(application(tmp_path), "--workers", "2") as program:
        os.kill(pids(program)[2], signal.SIGSTOP)

        assert program.stop() == 6


@pytest.mark.parametrize("signals", [("TERM",), ("INT",), ("TERM", "TERM")], ids="-".join)
def test_a_signal_at_any_moment_of_the_start_ends_all(
    signals: tuple[str, ...], tmp_path: Path
) -> None:
    folder = application(tmp_path, "def main():\n    return 0\n")
    offsets = [0.0, 0.05, *(step * 0.1 for step in range(1, 12))]

    def one(offset: float) -> tuple[float, int, str]:
        program = start(folder, "--workers", "2", before=MARK)
        try:
            program.wait_for_output("here")
            threading.Event().wait(offset)  # the moment is the subject
            for name in signals:
                program.signal(getattr(signal, f"SIG{name}"))
            code = program.wait()  # it also waits until no worker holds the output open
            return offset, code, program.stderr
        finally:
            program.kill()

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(one, offsets))

    allowed = {0} if len(signals) == 1 else {0, 6}
    for offset, code, stderr in ends:
        assert code in allowed, (offset, code, stderr)
        assert "Traceback" not in stderr, (offset, stderr)


@pytest.mark.skipif(not unshare_works(), reason="no new PID namespace may be made here")
def test_as_pid_1_the_parent_of_workers_drains_them(tmp_path: Path) -> None:
    inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    with running(application(tmp_path), "--workers", "2", inside=inside) as program:
        pid = subprocess.run(
            ["pgrep", "-P", str(program.pid)], capture_output=True, text=True, check=True
        ).stdout.split()[0]
        os.kill(int(pid), signal.SIGTERM)

        assert program.wait() == 0
        assert sum("stopped in" in text for text in program.messages) == 3


def test_workers_do_not_need_a_standard_input(tmp_path: Path) -> None:
    folder = application(tmp_path)
    command = f"exec '{sys.executable}' -m runtime run '{folder}' --workers 2 <&- 2>&1"
    program = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True)
    try:
        assert program.stdout is not None
        assert any("ready in" in line for line in program.stdout)
        program.terminate()
        assert program.wait(20) == 0
    finally:
        program.kill()
        program.communicate()
