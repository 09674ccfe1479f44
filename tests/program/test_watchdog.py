"""The watchdog: who holds the loop or all threads for a second is in the log."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import httpx
import pytest

from runtime.handlers import watchdog
from tests.support.blackbox import eventually
from tests.support.program import SOON, Program, running, write_application

pytestmark = pytest.mark.slow

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: api, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: api}, method: GET, path: "/", func: handle}
  - {name: handle, kind: function.python, source: "file://h.py", method: handle, modules: [queue]}
  - {name: other, kind: http.endpoint, meta: {router: api}, method: GET, path: "/o", func: quick}
  - {name: quick, kind: function.python, source: "file://h.py", method: quick, modules: [queue]}
  - {name: post, kind: http.endpoint, meta: {router: api}, method: POST, path: "/", func: publish}
  - {name: publish, kind: function.python, source: "file://h.py", method: publish, modules: [queue]}
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: driver}
  - {name: consumer, kind: queue.consumer, queue: tasks, func: work, concurrency: 3,
     lifecycle: {auto_start: true}}
  - {name: work, kind: function.python, source: "file://h.py", method: work, modules: [queue]}
"""
REST = """
import threading, time
from runtime.modules import queue
opened = threading.Event()

def quick():
    return "quick"

async def publish():
    for n in range(6):
        await queue.publish("tasks", n)

def work(n):
    print("works", flush=True)
    opened.wait(60)
"""


@contextmanager
def program(folder: Path, code: str, *options: str) -> Iterator[Program]:
    files = {"h.py": REST + code}
    with running(write_application(folder, MANIFEST, **files), *options) as started:
        yield started


HOLDS = {
    "sleep": "    time.sleep(1.6)",
    "python": "    until = time.monotonic() + 1.6\n    while time.monotonic() < until: pass",
    "nested": "    __import__('subprocess').run(['sleep', '1.6'])",
    "c": "    sum(range(3 * 10 ** 8))",
}


@pytest.mark.parametrize("hold", HOLDS.values(), ids=HOLDS)
def test_who_holds_the_loop_is_told_by_its_line_once_and_that_it_ended(
    hold: str, tmp_path: Path
) -> None:
    code = f"async def handle():\n{hold}\n"
    with program(tmp_path, code) as started:
        httpx.get(started.url(), timeout=30)

        line = started.wait_for("the event loop has been held for")
        assert line["entry"] == "app:handle"
        assert " by app:handle at " in line["message"]
        first = (REST + code).splitlines().index("async def handle():") + 2
        lines = range(first, first + hold.count("\n") + 1)
        assert any(f"h.py:{number} (handle)" in line["message"] for number in lines)
        started.wait_for("the event loop is free again after")
        assert sum("has been held" in message for message in started.messages) == 1


def test_a_program_that_is_stopped_holds_nothing(tmp_path: Path) -> None:
    with program(tmp_path, "async def handle():\n    return 1\n") as started:
        started.signal(signal.SIGSTOP)
        sleep(2 * watchdog.LIMIT)  # nobody tells when a stopped program would have been noticed
        started.signal(signal.SIGCONT)
        httpx.get(started.url(), timeout=SOON)

        assert started.stop() == 0
        assert not any("event loop" in message for message in started.messages)


def test_who_has_all_threads_is_told_and_when_one_is_free(tmp_path: Path) -> None:
    code = "def handle():\n    opened.wait(60)\n\nasync def publish():\n    opened.set()\n"
    with program(tmp_path, code, "--threads", "3") as started, ThreadPoolExecutor(4) as clients:
        waiting = [clients.submit(httpx.get, started.url(), timeout=30) for _ in range(3)]
        message = started.wait_for("all 3 threads for 'def' handlers are taken")["message"]
        assert "3 by app:handle at " in message
        assert "h.py:" in message
        waiting.append(clients.submit(httpx.get, started.url("/o"), timeout=30))
        httpx.post(started.url(), timeout=SOON)

        assert [answer.result().status_code for answer in waiting] == [204, 204, 204, 200]
        started.wait_for("a thread for 'def' handlers is free again after")


def test_messages_take_no_threads_from_requests(tmp_path: Path) -> None:
    code = "def handle():\n    opened.set()\n"
    with program(tmp_path, code, "--threads", "1") as started:
        httpx.post(started.url(), timeout=SOON)
        # as many as the consumer's concurrency
        eventually(lambda: started.stdout.count("works") == 3)

        assert httpx.get(started.url("/o"), timeout=SOON).text == "quick"
        assert started.stdout.count("works") == 3
        httpx.get(started.url(), timeout=SOON)
        assert not any("are taken" in message for message in started.messages)
