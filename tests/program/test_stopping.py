"""Stopping: whatever a handler does, the program ends in time, with the right exit code."""

from __future__ import annotations

import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.program import (
    MARK,
    PLAIN_LOOP,
    running,
    start,
    unshare_works,
    write_application,
)
from tests.support.stopping import IDLE, application, ended, patient

SWALLOWS = """
import asyncio
async def main():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
"""
ENDLESS = """
def main():
    while True:
        pass
"""
BLOCKS = """
async def main():
    print("blocked", flush=True)
    while True:
        pass
"""
ASKS = """
from runtime.modules import process
async def main():
    await process.stopping()
    print("drained", flush=True)
"""
ASKS_IN_A_THREAD = """
from runtime.modules.sync import process
def main():
    while not process.stopping(timeout=0.01):
        pass
    print("drained", flush=True)
"""


def test_a_coroutine_that_swallows_its_cancellation_is_abandoned(tmp_path: Path) -> None:
    with running(application(tmp_path, SWALLOWS)) as program:
        program.signal(signal.SIGTERM)

        assert ended(program) == 6


def test_a_thread_in_an_endless_loop_is_abandoned(tmp_path: Path) -> None:
    with running(application(tmp_path, ENDLESS)) as program:
        program.signal(signal.SIGTERM)

        assert ended(program) == 6


@pytest.mark.slow
def test_a_loop_that_is_blocked_for_ever_is_ended_from_beside(tmp_path: Path) -> None:
    with running(application(tmp_path, BLOCKS), ready=False) as program:
        program.wait_for_output("blocked")
        program.signal(signal.SIGTERM)

        assert ended(program) == 6


@pytest.mark.parametrize("main", [ASKS, ASKS_IN_A_THREAD], ids=["async", "thread"])
def test_a_process_that_asks_may_finish(main: str, tmp_path: Path) -> None:
    with running(application(tmp_path, main)) as program:
        program.signal(signal.SIGTERM)

        assert ended(program) == 0
        assert "drained" in program.stdout


def test_a_process_that_never_asked_is_cancelled_at_once(tmp_path: Path) -> None:
    with running(patient(application(tmp_path, IDLE))) as program:
        program.signal(signal.SIGINT)

        assert ended(program) == 0


def test_under_nohup_a_terminal_may_close(tmp_path: Path) -> None:
    nohup = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    with running(application(tmp_path, ASKS), before=nohup) as program:
        program.signal(signal.SIGHUP)
        program.signal(signal.SIGTERM)

        # Had the first one counted, this would have been the second.
        assert ended(program) == 0


def test_a_signal_while_a_oneshot_is_starting_is_no_failure(tmp_path: Path) -> None:
    oneshot = application(tmp_path, IDLE, "oneshot")
    with running(oneshot, ready=False) as program:
        program.wait_for("app:host is running")
        program.signal(signal.SIGTERM)

        assert ended(program) == 0


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    with running(patient(application(tmp_path, SWALLOWS))) as program:
        program.signal(signal.SIGTERM)
        program.wait_for("stopping")
        program.signal(signal.SIGTERM)

        assert ended(program) == 6


def test_a_thread_of_the_pool_that_never_returns_does_not_hold_the_program(tmp_path: Path) -> None:
    manifest = """
namespace: app
entries:
  - {name: d, kind: queue.driver.memory}
  - {name: q, kind: queue.queue, driver: d}
  - name: c
    kind: queue.consumer
    queue: q
    func: hang
    lifecycle: {auto_start: true, stop_timeout: 200ms}
  - {name: hang, kind: function.python, source: file://hang.py}
  - {name: host, kind: process.host}
  - {name: feed, kind: process.python, source: file://feed.py, modules: [queue]}
  - name: feeder
    kind: process.service
    process: feed
    host: host
    type: oneshot
    lifecycle: {auto_start: true}
"""
    files = {
        "hang.py": "def main(body):\n    print('hangs', flush=True)\n    while True: pass\n",
        "feed.py": "from runtime.modules import queue\n"
        "async def main():\n    await queue.publish('q', {})\n",
    }
    with running(write_application(tmp_path, manifest, **files)) as program:
        program.wait_for_output("hangs")
        program.signal(signal.SIGTERM)

        assert program.wait() == 6


@pytest.mark.slow
@pytest.mark.parametrize("signals", [("TERM",), ("INT",), ("TERM", "TERM")], ids="-".join)
def test_a_signal_at_any_moment_of_the_start_ends_it(
    signals: tuple[str, ...], tmp_path: Path
) -> None:
    folder = application(tmp_path, IDLE)
    offsets = [step * 0.05 for step in range(21)]

    def one(offset: float) -> tuple[float, int, str]:
        program = start(folder, before=MARK)
        try:
            program.wait_for_output("here")
            threading.Event().wait(offset)  # the moment is the subject
            for name in signals:
                program.signal(getattr(signal, f"SIG{name}"))
            code = program.wait()  # it also waits until no orphan holds the output open
            return offset, code, program.stderr
        finally:
            program.kill()

    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(one, offsets))

    allowed = {0} if len(signals) == 1 else {0, 6}
    for offset, code, stderr in ends:
        assert code in allowed, (offset, code, stderr)
        assert "Traceback" not in stderr, (offset, stderr)


ORPHANS = """
import asyncio, os, subprocess, sys
async def main():
    # a grandchild whose parent is gone: PID 1 inherits it, and it ends at once
    code = "import os, sys; os.fork() and sys.exit(0); os._exit(0)"
    for _ in range(5):
        subprocess.run([sys.executable, "-c", code], check=True)
    while zombies():
        await asyncio.sleep(0.01)
    print("no zombies", flush=True)
    await asyncio.sleep(60)

def zombies():
    found = 0
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            found += open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            pass
    return found
"""


@pytest.mark.skipif(not unshare_works(), reason="no new PID namespace may be made here")
def test_as_pid_1_it_reaps_orphans_and_keeps_its_exit_code(tmp_path: Path) -> None:
    folder = application(tmp_path, ORPHANS)
    inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    with running(folder, inside=inside) as program:
        program.wait_for_output("no zombies")
        # the signal goes to PID 1 of the namespace: unshare's only child
        pid = subprocess.run(
            ["pgrep", "-P", str(program.pid)], capture_output=True, text=True, check=True
        ).stdout.split()[0]
        subprocess.run(["kill", "-TERM", pid], check=True)

        assert program.wait() == 0


def test_the_plain_loop_of_asyncio_does_as_well(tmp_path: Path) -> None:
    with running(application(tmp_path, ASKS), before=PLAIN_LOOP) as program:
        assert program.stop() == 0
