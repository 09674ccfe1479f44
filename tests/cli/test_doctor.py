"""runtime doctor: what keeps an application from starting here, before it is tried."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from runtime.engines.sql.sqlite.file import examine
from runtime.findings.remark import State
from tests.support.blackbox import execute, running, write_files

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: data/a.db, lifecycle: {auto_start: true}}
  - {name: server, kind: http.service, addr: "127.0.0.1:%d", lifecycle: {auto_start: true}}
"""


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def doctor(folder: Path) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and what is said of the entries and of the machine last."""
    ended = execute("doctor", str(folder), "--json")
    return ended.code, {each["about"]: each for each in json.loads(ended.out)}


def test_an_application_that_can_start_is_well(tmp_path: Path, free: int) -> None:
    folder = write_files(tmp_path, {"_index.yaml": MANIFEST % free})
    code, found = doctor(folder)

    assert code == 0
    assert found["app:server"]["text"] == f"'127.0.0.1:{free}' can be listened on"
    assert found["app:db"]["text"].startswith("'data/a.db' can be used (not made yet, ")
    assert [path.name for path in folder.iterdir()] == ["_index.yaml"]


def test_a_port_that_is_taken_keeps_it_from_starting(tmp_path: Path, taken: int) -> None:
    write_files(tmp_path, {"_index.yaml": MANIFEST % taken})
    ended = execute("doctor", str(tmp_path))

    assert ended.code == 4
    assert f"FAILURE  app:server  address '127.0.0.1:{taken}' is in use" in ended.out


def test_the_application_itself_is_nobody_s_obstacle(tmp_path: Path, free: int) -> None:
    write_files(tmp_path, {"_index.yaml": MANIFEST % free})
    with running(tmp_path, "--management", "127.0.0.1:0") as site:
        code, found = doctor(tmp_path)

    assert code == 0
    own = f"address '127.0.0.1:{free}' is that of this application, process {site.program.pid}"
    assert found["app:server"]["text"] == own


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data", "no folder", "not a directory"),
        ("data/a.db", "no database at all, but text", "is not an SQLite database"),
    ],
)
def test_a_file_that_is_no_database_is_told(
    tmp_path: Path, free: int, name: str, content: str, said: str
) -> None:
    write_files(tmp_path, {"_index.yaml": MANIFEST % free, name: content})
    code, found = doctor(tmp_path)

    assert (code, found["app:db"]["state"]) == (4, "failure")
    assert said in found["app:db"]["text"]


def test_a_folder_that_is_read_only_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as for others than root
    (found,) = examine(tmp_path / "data" / "a.db", "data/a.db")

    assert found.state is State.FAILURE
    assert found.text == f"'{tmp_path}' is read-only, and 'data/a.db' would be below it"


def test_a_disk_that_is_nearly_full_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1))
    (found,) = examine(tmp_path / "a.db", "a.db")

    assert found.state is State.WARNING
    assert found.text == "'a.db' can be used (not made yet, 1 B free)"


def test_a_manifest_with_findings_comes_first(tmp_path: Path) -> None:
    write_files(tmp_path, {"_index.yaml": MANIFEST % 0 + "  - {name: x}\n"})
    assert execute("doctor", str(tmp_path)).code == 3
