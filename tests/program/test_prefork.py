"""Several workers under one parent: killed, told to stop, and left alone by it."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

from tests.queue.sql.test_driver import HANDLERS, MANIFEST, account
from tests.supervision.test_stopping import unshare_works
from tests.support.blackbox import Site, eventually, execute, write_files
from tests.support.program import MARK, PLAIN_LOOP, Program, running, start, write_application
from tests.web.test_server import certificate

SERVER = """
namespace: app
entries:
  - name: gateway
    kind: http.service
    addr: "127.0.0.1:PORT"
    lifecycle: {auto_start: true, stop_timeout: 300ms}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: answer}
  - name: answer
    kind: function.python
    source: file://h.py
    method: answer
    modules: [process, registry]
"""
ONCE = """
  - {name: host, kind: process.host}
  - {name: main, kind: process.python, source: file://h.py, method: main, modules: [process]}
  - name: once
    kind: process.service
    process: main
    host: host
    type: TYPE
    lifecycle: {auto_start: true, stop_timeout: 300ms, restart: {max_attempts: 1}}
"""
__all__ = ["certificate"]

ANSWER = "async def answer():\n    return 'here'\n"


def application(folder: Path, main: str = "", type: str = "oneshot", port: int = 0) -> Path:
    """One server, and a process if there is code for it."""
    manifest = SERVER.replace("PORT", str(port)) + (ONCE.replace("TYPE", type) if main else "")
    return write_application(folder, manifest, **{"h.py": f"{ANSWER}\n{main}"})


def pids(program: Program) -> dict[int, int]:
    """The newest process of each worker that has been ready."""
    found = {}
    for text in program.messages:
        if match := re.match(r"worker (\d+) \(pid (\d+)\) is (?:running|back)", text):
            found[int(match[1])] = int(match[2])
    return found


def kill(program: Program, number: int) -> None:
    """End a worker by SIGKILL, and return once its place is taken again."""
    before = pids(program)[number]
    os.kill(before, signal.SIGKILL)
    program.wait_for(f"worker {number} (pid {before}) was ended by SIGKILL; it is replaced in")
    eventually(lambda: pids(program)[number] != before, within=20)


def no_surprise(program: Program) -> None:
    assert "Traceback" not in program.stderr
    assert not [line for line in program.log if "error" in line]


def count(program: Program, text: str) -> int:
    return sum(text in message for message in program.messages)


class Client:
    """Posts one message after the other, each on a connection of its own, and counts."""

    def __init__(self, site: Site, numbers: Callable[[], int]) -> None:
        self.accepted: set[int] = set()
        self.cut_off = 0
        self.wrong: list[int] = []
        self._site = site
        self._numbers = numbers
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._enough.wait(0.005):
            number = self._numbers()
            try:
                status = self._site.ask("POST", "/", {"n": number}).status
            except (ConnectionResetError, BrokenPipeError, http.client.HTTPException):
                self.cut_off += 1
                continue
            if status == 200:
                self.accepted.add(number)
            else:
                self.wrong.append(status)


def test_workers_killed_one_by_one_lose_nothing_and_no_client_but_their_own(
    tmp_path: Path,
) -> None:
    folder = write_files(tmp_path, {"_index.yaml": MANIFEST, "h.py": HANDLERS})
    kills = 5
    with running(folder, "--workers", "3") as program:
        site = Site(program)
        numbers = iter(range(1_000_000))
        clients = [Client(site, numbers.__next__) for _ in range(2)]
        for turn in range(kills):
            had = sum(len(client.accepted) for client in clients)
            kill(program, turn % 3 + 1)
            assert sum(len(client.accepted) for client in clients) > had, "the others stood still"
        for client in clients:
            client.stop()

        # A client has one request at a time, so a kill can cut off one of each.
        assert [client.wrong for client in clients] == [[], []]
        assert all(client.cut_off <= kills for client in clients)
        account(folder, set().union(*(client.accepted for client in clients)))
        assert program.stop() == 0
        no_surprise(program)


def test_a_client_that_waits_outlives_the_worker_it_would_have_got(tmp_path: Path) -> None:
    blocked = ANSWER + "\nimport time\nasync def block():\n"
    blocked += "    print('blocked', flush=True)\n    time.sleep(60)\n"
    manifest = SERVER.replace("PORT", "0") + (
        "  - {name: b, kind: http.endpoint, meta: {router: router}, method: GET, path: /block,"
        " func: block}\n"
        "  - {name: block, kind: function.python, source: file://h.py, method: block}\n"
    )
    folder = write_application(tmp_path, manifest, **{"h.py": blocked})
    with running(folder, "--workers", "2") as program:
        site = Site(program)
        with ThreadPoolExecutor(3) as pool:
            stuck = []
            for number in (1, 2):  # who is blocked takes no client, so the second is the other
                stuck.append(pool.submit(site.ask, "GET", "/block"))
                eventually(lambda number=number: program.stdout.count("blocked") == number)
            connection = socket.create_connection(("127.0.0.1", site.port))
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            for number in (1, 2):
                kill(program, number)
            assert connection.makefile("rb").read().endswith(b"here")
            connection.close()
            assert all(isinstance(each.exception(), OSError) for each in stuck)
        program.signal(signal.SIGTERM)
        assert program.wait() == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("before", ["", PLAIN_LOOP], ids=["uvloop", "asyncio"])
def test_who_waits_for_a_worker_that_stands_still_is_answered_by_another(
    before: str, scheme: str, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = application(tmp_path)
    options = ["--workers", "2"]
    if scheme == "https":
        for file in certificate:
            shutil.copy(file, folder)
        options += ["-o", "app:gateway:tls={cert: cert.pem, key: key.pem}"]
    with running(folder, *options, before=before) as program:
        site = Site(program)
        assert site.address.startswith(f"{scheme}://")
        still = pids(program)[1]
        os.kill(still, signal.SIGSTOP)
        try:
            # That not one of twenty falls to it is one case in a million.
            assert [site.ask("GET", "/").body for _ in range(20)] == [b"here"] * 20
        finally:
            os.kill(still, signal.SIGCONT)
        assert program.stop() == 0
        no_surprise(program)


def test_clients_are_spread_over_the_workers(tmp_path: Path) -> None:
    folder = application(tmp_path)
    (folder / "h.py").write_text("import os\nasync def answer():\n    return str(os.getpid())\n")
    with running(folder, "--workers", "2") as program, ExitStack() as opened:
        answered = []
        for _ in range(40):
            client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=20)
            opened.callback(client.close)
            client.request("GET", "/")
            answered.append(int(client.getresponse().read()))

        # The system throws dice; that one of two gets less than 5 of 40 is one case in a million.
        assert all(answered.count(pid) >= 5 for pid in pids(program).values())


def test_nobody_gets_in_while_the_workers_drain(tmp_path: Path) -> None:
    folder = application(tmp_path)
    (folder / "h.py").write_text(
        "import asyncio\nasync def answer():\n"
        "    print('in hand', flush=True)\n    await asyncio.sleep(60)\n"
    )
    patient = (folder / "_index.yaml").read_text().replace("300ms", "60s")
    (folder / "_index.yaml").write_text(patient)

    def refused(port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=20).close()
        except ConnectionError:
            return True
        return False

    with running(folder, "--workers", "2") as program, ThreadPoolExecutor(1) as pool:
        site = Site(program)
        waiting = pool.submit(site.ask, "GET", "/")
        program.wait_for_output("in hand")
        program.signal(signal.SIGTERM)
        eventually(lambda: refused(site.port))
        assert not waiting.done()

        program.signal(signal.SIGTERM)
        assert program.wait() == 6
        assert isinstance(waiting.exception(), (OSError, http.client.HTTPException))


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
    folder = application(tmp_path, hangs, "simple")
    patient = (folder / "_index.yaml").read_text().replace("300ms", "30s")
    (folder / "_index.yaml").write_text(patient)
    with running(folder, "--workers", "2") as program:
        program.signal(signal.SIGTERM)
        program.wait_for(lambda line: line["message"] == "stopping" and line.get("worker") == 1)
        began = monotonic()
        program.signal(signal.SIGTERM)

        assert program.wait() == 6
        assert monotonic() - began < 5
        no_surprise(program)


def test_a_worker_that_stands_still_is_killed_after_its_budget(tmp_path: Path) -> None:
    with running(application(tmp_path), "--workers", "2") as program:
        os.kill(pids(program)[2], signal.SIGSTOP)

        assert program.stop() == 6


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
        "worker": [name for name in os.environ if "RUNTIME" in name],
        "value": registry.get("value")["is"],
        "open": sum(os.get_inheritable(int(fd)) for fd in os.listdir("/proc/self/fd")
                    if os.path.exists(f"/proc/self/fd/{fd}") and int(fd) > 2),
    }
"""
    entry = "  - {name: value, kind: registry.entry, is: '${env:CANARY}'}\n"
    files = {"h.py": source, "vars": "CANARY=tweet-tweet-4711\n"}
    folder = write_application(tmp_path / "app", SERVER.replace("PORT", "1") + entry, **files)
    options = ["-o", "app:gateway:addr=127.0.0.1:0", "--env-file", "app/vars", "--workers", "2"]
    with running(folder.name, *options, cwd=tmp_path) as program:
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


@pytest.mark.parametrize("before", ["", PLAIN_LOOP], ids=["uvloop", "asyncio"])
def test_both_loops_share_the_port(before: str, tmp_path: Path) -> None:
    with running(application(tmp_path), "--workers", "2", before=before) as program:
        site = Site(program)
        assert [site.ask("GET", "/").status for _ in range(20)] == [200] * 20
        assert program.stop() == 0
        with pytest.raises(ConnectionRefusedError):
            site.ask("GET", "/")


@pytest.mark.parametrize("signals", [("TERM",), ("INT",), ("TERM", "TERM")], ids="-".join)
def test_a_signal_at_any_moment_of_the_start_ends_all(
    signals: tuple[str, ...], tmp_path: Path
) -> None:
    folder = application(tmp_path, "def main():\n    return 0\n")
    offsets = [0.0, 0.05, *(step * 0.1 for step in range(1, 12))]

    def one(offset: float) -> tuple[float, int, float, str]:
        program = start(folder, "--workers", "2", before=MARK)
        try:
            program.wait_for_output("here")
            threading.Event().wait(offset)  # the moment is the subject
            began = monotonic()
            for name in signals:
                program.signal(getattr(signal, f"SIG{name}"))
            code = program.wait(10)  # it also waits until no worker holds the output open
            return offset, code, monotonic() - began, program.stderr
        finally:
            program.kill()

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(one, offsets))

    allowed = {0} if len(signals) == 1 else {0, 6}
    for offset, code, took, stderr in ends:
        assert code in allowed, (offset, code, stderr)
        assert took < 5, (offset, took)
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
