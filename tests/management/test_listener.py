"""Management listens beside the application: on an address, and on a socket for commands."""

from __future__ import annotations

import os
import pwd
import signal
import socket
from pathlib import Path

import pytest

from runtime.engines.management.sockets import find_programs
from tests.support.blackbox import eventually, execute
from tests.support.managing import managed
from tests.support.program import running, start, write_application

MANIFEST = """
namespace: app
entries:
  - {name: host, kind: process.host}
  - {name: main, kind: process.python, source: file://h.py, method: main, modules: [process]}
  - {name: loop, kind: process.service, process: main, host: host, lifecycle: {auto_start: true}}
"""
LOOP = "from runtime.modules import process\n\nasync def main():\n    await process.stopping()\n"


@pytest.fixture
def application(tmp_path: Path) -> Path:
    return write_application(tmp_path / "shop", MANIFEST, **{"h.py": LOOP})


def test_status_tells_the_services_by_address_and_by_socket(application: Path) -> None:
    with managed(application) as site:
        status = site.status
        by_socket = site.socket.get("/api/status").json

    assert status["app"] == "shop"
    assert status["state"] == "running"
    assert status["pid"] == site.program.pid == by_socket["pid"]
    assert {each["id"]: each["state"] for each in status["services"]} == {
        "app:host": "running",
        "app:loop": "running",
    }


def test_a_status_that_did_not_change_is_not_sent_again(application: Path) -> None:
    with managed(application) as site:
        first = site.get("/api/status")
        again = site.ask("GET", "/api/status", None, {"If-None-Match": first.headers["ETag"]})

    assert again.status == 304
    assert again.body == b""


def test_the_default_port_moves_on_if_it_is_taken_and_says_so(application: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 9464))
            taken.listen()
        except OSError:
            pass  # by another program of this machine, which will do
        with managed(application, address="") as site:
            assert site.port != 9464
            warning = site.program.wait_for("port 9464 is taken")

    assert str(site.port) in warning["message"]


def test_a_given_port_that_is_taken_is_a_failed_start(application: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = execute("run", str(application), "--management", address)

    assert ended.code == 4
    assert f"address '{address}' is in use" in ended.err


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:99999", "on"])
def test_an_address_that_is_none_is_refused(application: Path, address: str) -> None:
    ended = execute("run", str(application), "--management", address)

    assert ended.code == 2
    assert "--management" in ended.err
    assert "or 'off'" in ended.err


def test_without_management_nothing_listens(application: Path) -> None:
    with running(application, "--management", "off") as program:
        program.stop()

    assert not find_programs(application)
    assert not any("management" in message for message in program.messages)


def test_several_programs_of_one_folder_are_all_found(application: Path) -> None:
    with managed(application) as first, managed(application) as second:
        shown = execute("status", str(application))

    assert f"(process {first.program.pid})" in shown.out
    assert f"(process {second.program.pid})" in shown.out


def test_the_socket_goes_with_the_program(application: Path) -> None:
    with managed(application) as site:
        assert [*find_programs(application)] == [site.program.pid]
        assert site.program.stop() == 0

    assert not find_programs(application)


def test_the_socket_of_a_killed_program_is_removed_by_the_next(application: Path) -> None:
    with managed(application) as killed:
        killed.program.signal(signal.SIGKILL)
        killed.program.wait()
        assert [*find_programs(application)] == [killed.program.pid]
        assert execute("status", str(application)).code == 4
        with managed(application) as site:
            assert [*find_programs(application)] == [site.program.pid]


def test_a_start_that_takes_long_can_be_asked(tmp_path: Path) -> None:
    code = (
        "from runtime.modules import process\n"
        "import asyncio\n"
        "async def main():\n"
        "    await asyncio.sleep(3600)\n"
    )
    manifest = MANIFEST.replace("process: main,", "process: main, type: oneshot,")
    folder = write_application(tmp_path, manifest, **{"h.py": code})
    program = start(folder, "--management", "127.0.0.1:0")
    try:
        program.wait_for("management: http")
        shown = execute("status", str(folder))
        ready = execute("health", "--ready", str(folder))
        alive = execute("health", str(folder))
        at_once = execute("health", str(folder), "--timeout", "0s")
    finally:
        program.kill()

    assert "is starting" in shown.out
    assert ready.code == 1
    assert "application: it is starting" in ready.err
    assert alive.code == 0
    assert at_once.code == 2
    assert "'0s' is no time in which anything answers" in at_once.err


def test_where_nothing_runs_for_this_user_others_are_named(
    application: Path, tmp_path: Path
) -> None:
    (tmp_path / "temporary" / "runtime-65534").mkdir(parents=True)
    (tmp_path / "temporary" / f"runtime-{os.geteuid()}").mkdir()
    name = pwd.getpwuid(65534).pw_name

    env = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    for command in ("status", "health", "errors", "plan"):
        ended = execute(command, str(application), env=env)
        assert ended.code == 4
        assert ended.err.splitlines()[1:] == [
            f"programs of {name} are seen by their user alone: 'sudo -u {name} runtime …'"
        ]


def test_a_folder_for_sockets_that_is_open_to_others_is_not_used(application: Path) -> None:
    folder = Path(os.environ["XDG_RUNTIME_DIR"], "runtime")
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with managed(application) as site:
        warning = site.program.wait_for("cannot reach this program")

        assert "chmod 700" in warning["message"]
        assert site.get("/livez").status == 200
        assert execute("health", str(application)).code == 4
    assert eventually(lambda: [*folder.iterdir()] == [])
