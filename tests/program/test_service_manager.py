"""A program tells a service manager such as systemd how it is, over a real socket."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest

from runtime.program.service_manager import ServiceManager
from tests.support.blackbox import FREE_PORT, running, write_files
from tests.support.program import SOON

MANIFEST = """
    namespace: app
    entries:
      - name: gateway
        kind: http.service
        addr: ":0"
        lifecycle: {auto_start: true, stop_timeout: 7s}
      - {name: router, kind: http.router}
      - {name: variables, kind: http.endpoint, method: GET, path: /, func: file://variables.py}
"""
HANDLER = """
    import os


    async def main(request):
        return sorted(os.environ)
"""


class Manager:
    """The other end: a socket as systemd has it, read at once."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._heard: Queue[dict[str, str]] = Queue()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while datagram := self._socket.recv(4096):
            lines = datagram.decode().splitlines()
            self._heard.put(dict(line.split("=", 1) for line in lines))

    def hear(self) -> dict[str, str]:
        """The next datagram."""
        return self._heard.get(timeout=SOON)

    def hear_but_pings(self) -> dict[str, str]:
        while "WATCHDOG" in (told := self.hear()):
            pass
        return told

    def has_heard_all(self) -> bool:
        return self._heard.empty()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RD)
        self._reader.join(SOON)
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.close()


@pytest.fixture
def application(tmp_path: Path) -> Path:
    return write_files(tmp_path / "app", {"_index.yaml": MANIFEST, "variables.py": HANDLER})


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_a_manager_hears_of_the_start_and_of_the_stop(
    workers: tuple[str, ...], manager: Manager, application: Path
) -> None:
    env = {"NOTIFY_SOCKET": manager.address}
    with running(application, *workers, FREE_PORT, env=env) as site:
        assert manager.hear() == {"READY": "1"}
        assert manager.has_heard_all()
        site.signal(signal.SIGTERM)
        told = manager.hear()
        assert site.wait() == 0

    assert told["STOPPING"] == "1"
    assert 8_000_000 < int(told["EXTEND_TIMEOUT_USEC"]) < 15_000_000
    assert manager.has_heard_all()


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_pings_go_on_while_it_runs(
    workers: tuple[str, ...], manager: Manager, application: Path
) -> None:
    env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "20000"}
    with running(application, *workers, FREE_PORT, env=env) as site:
        assert manager.hear_but_pings() == {"READY": "1"}
        for _ in range(3):
            assert manager.hear() == {"WATCHDOG": "1"}
        site.signal(signal.SIGTERM)
        assert manager.hear_but_pings()["STOPPING"] == "1"
        assert site.wait() == 0


def test_no_handler_and_no_child_is_taken_for_the_service(
    manager: Manager, application: Path
) -> None:
    env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}
    with running(application, FREE_PORT, env=env) as site:
        variables = site.ask("GET", "/").json
        assert manager.hear() == {"READY": "1"}  # and no ping: those are another's

    assert "PATH" in variables
    assert not {*env} & {*variables}


def test_a_manager_that_is_gone_is_told_in_the_log_and_changes_nothing(
    tmp_path: Path, application: Path
) -> None:
    env = {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "20000"}
    with running(application, FREE_PORT, env=env) as site:
        assert site.ask("GET", "/").status == 200
        assert site.stop() == 0
        (line,) = site.lines("service manager")

    assert line["message"].endswith("/gone' cannot be told: No such file or directory")


def watching(manager: Manager) -> Callable[[asyncio.AbstractEventLoop], None]:
    variables = {
        "NOTIFY_SOCKET": manager.address,
        "WATCHDOG_USEC": "2000",
        "WATCHDOG_PID": str(os.getpid()),
    }
    watch = ServiceManager.take(variables).watch
    assert variables == {}
    return watch


def test_a_loop_that_stands_still_does_not_ping(manager: Manager) -> None:
    loop = asyncio.new_event_loop()
    watching(manager)(loop)
    assert manager.hear() == {"WATCHDOG": "1"}
    assert manager.has_heard_all()  # the next needs the loop

    loop.run_until_complete(asyncio.to_thread(manager.hear))
    loop.close()


@pytest.mark.skipif(not hasattr(socket, "SO_PASSCRED"), reason="abstract names are Linux'")
def test_an_abstract_name_is_a_socket_too(tmp_path: Path) -> None:
    manager = Manager(f"@{tmp_path}")
    ServiceManager(manager.address).ready()

    assert manager.hear() == {"READY": "1"}
    manager.close()


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_a_manager_hears_of_a_reload_and_of_its_end(
    workers: tuple[str, ...], manager: Manager, application: Path
) -> None:
    env = {"NOTIFY_SOCKET": manager.address}
    with running(application, *workers, FREE_PORT, env=env) as site:
        assert manager.hear() == {"READY": "1"}
        for text in ("namespace: app\nentries: []\nwrong: 1\n", None):
            if text is None:
                write_files(application, {"_index.yaml": MANIFEST})
            else:
                (application / "_index.yaml").write_text(text)
            site.signal(signal.SIGHUP)
            told = manager.hear()
            assert told.pop("RELOADING") == "1"
            assert told["MONOTONIC_USEC"].isdecimal()
            assert manager.hear() == {"READY": "1"}
        assert site.ask("GET", "/").status == 200
        assert site.stop() == 0


def test_who_is_not_ready_does_not_reload(manager: Manager) -> None:
    told = ServiceManager(manager.address)
    with told.reloading():
        pass
    told.stopping(1)
    with told.reloading():
        pass

    assert manager.hear() == {"STOPPING": "1", "EXTEND_TIMEOUT_USEC": "1000000"}
    assert manager.has_heard_all()
