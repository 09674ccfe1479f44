"""No server stays when the tests are gone, and none is missed in silence."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.support.blackbox import ROOT
from tests.support.guard import descendants
from tests.support.nats_server import NatsServer, require_nats
from tests.support.pgbouncer import PgBouncer, require_pgbouncer
from tests.support.postgres_schema import PostgresSchema
from tests.support.postgres_server import require_postgres
from tests.support.rabbitmq_server import require_rabbitmq
from tests.support.server_process import listens, require

SOON = 60

WAITING = """
import pytest, threading

@pytest.mark.parametrize("it", [1, 2])
def test_that_never_ends(it, FIXTURES):
    folders = "".join(f"{server.folder}\\n" for server in (FIXTURES))
    with open("TOLD", "w") as told:
        told.write(folders)
    threading.Event().wait()
"""


def processes_of(folder: str) -> Iterator[int]:
    """The processes that have a folder on their command line, and all below them."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"{folder}".encode() in command:
            yield int(entry.name)
            yield from descendants(int(entry.name))


def gone(pids: set[int]) -> bool:
    """Wait until those processes have ended."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            if not select.select([handle], [], [], SOON)[0]:
                return False
        finally:
            os.close(handle)
    return True


def folders_of(told: int, count: int) -> list[str]:
    """Read the folders that a run tells, and wait for them."""
    lines: list[str] = []
    while len(lines) < count and select.select([told], [], [], SOON)[0]:
        lines += os.read(told, 4096).decode().split()
    return lines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "workers", "fixtures"),
    [
        (signal.SIGINT, 0, "postgres_address, postgres_server"),
        (signal.SIGINT, 2, "postgres_address, postgres_server"),
        (signal.SIGKILL, 0, "postgres_address, postgres_server"),
        (signal.SIGKILL, 0, "rabbitmq_address,"),
    ],
)
def test_no_server_outlives_its_tests(
    number: int, workers: int, fixtures: str, tmp_path: Path
) -> None:
    (require_rabbitmq if "rabbit" in fixtures else require_postgres)()
    test = tmp_path / "test_waiting.py"
    fifo = tmp_path / "told"
    os.mkfifo(fifo)
    test.write_text(WAITING.replace("FIXTURES", fixtures).replace("TOLD", str(fifo)))
    told = os.open(fifo, os.O_RDWR)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-n", str(workers)]
    config = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.Popen(
        [*command, *config, f"--basetemp={tmp_path / 'base'}", str(test)],
        cwd=ROOT,
        env=own,  # it is no worker of this run, and shares no server with others
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # a shell has what it runs in the background ignore SIGINT, and so do those below it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        expected = len(fixtures.split()) * max(1, workers)
        folders = folders_of(told, expected)
        pids = {pid for folder in folders for pid in processes_of(folder)}
    finally:
        os.close(told)
        os.killpg(run.pid, number)
        try:
            run.wait(SOON)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    assert len(folders) == expected
    assert len(pids) > 2 * len(set(folders))
    assert gone(pids)
    assert not any(map(os.path.exists, folders))


def test_a_server_that_is_missing_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no Oracle here \(Debian's package delphi\)"):
        require("Oracle", "delphi", False)


def test_a_server_that_is_missing_fails_the_test_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI has no Oracle"):
        require("Oracle", "delphi", False)


def test_a_nats_server_keeps_its_port_through_a_crash() -> None:
    require_nats()
    with NatsServer().running() as server:
        server.kill()
        assert not listens(server.port)
        server.start()
        assert listens(server.port)


def test_a_pooler_gives_one_session_to_many(postgres: PostgresSchema) -> None:
    require_pgbouncer()
    with PgBouncer(postgres.port, default_pool_size=1).running() as pooler:
        with psycopg.connect(pooler.url) as one, psycopg.connect(pooler.url) as other:
            backends = []
            for session in (one, other):
                with session.transaction():
                    backends += session.execute("SELECT pg_backend_pid()").fetchall()
        assert len(set(backends)) == 1
