"""Workers as their clients see them, also when one is killed or suspended."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.queue.sql.test_driver import HANDLERS, MANIFEST, account
from tests.support.blackbox import Site, eventually, write_files
from tests.support.certificate import certificate
from tests.support.program import (
    PLAIN_LOOP,
    running,
    write_application,
)
from tests.support.workers import ANSWER, SERVER, application, kill, no_surprise, pids

pytestmark = pytest.mark.slow

__all__ = ["certificate"]


class Client:
    """Posts messages one after the other, each on a new connection, and counts the answers."""

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


@pytest.mark.parametrize("before", ["", PLAIN_LOOP], ids=["uvloop", "asyncio"])
def test_both_loops_share_the_port(before: str, tmp_path: Path) -> None:
    with running(application(tmp_path), "--workers", "2", before=before) as program:
        site = Site(program)
        assert [site.ask("GET", "/").status for _ in range(20)] == [200] * 20
        assert program.stop() == 0
        with pytest.raises(ConnectionRefusedError):
            site.ask("GET", "/")
