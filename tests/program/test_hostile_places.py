"""Files that are something else, and descriptors that are not there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.blackbox import APPS, eventually, execute


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    return Path(shutil.copytree(APPS / "hello", tmp_path / "hello"))


def test_a_manifest_that_links_to_an_endless_file_is_refused(hello: Path) -> None:
    (hello / "_index.yaml").unlink()
    (hello / "_index.yaml").symlink_to("/dev/zero")

    ended = execute("validate", str(hello))

    assert ended.code == 3
    assert "this link leads out of the application's folder" in ended.out


def test_a_manifest_that_links_to_a_secret_shows_nothing_of_it(hello: Path) -> None:
    secret = hello.parent / "secret"
    secret.write_text("the password is tiger\n")
    (hello / "_index.yaml").unlink()
    (hello / "_index.yaml").symlink_to(secret)

    ended = execute("validate", str(hello))

    assert ended.code == 3
    assert "tiger" not in ended.out


def test_a_manifest_that_is_a_pipe_is_refused(hello: Path) -> None:
    (hello / "_index.yaml").unlink()
    os.mkfifo(hello / "_index.yaml")

    ended = execute("validate", str(hello))

    assert ended.code == 3
    assert "not a file" in ended.out


def test_a_handler_that_is_a_folder_is_called_one(hello: Path) -> None:
    (hello / "hello.py").unlink()
    (hello / "hello.py").mkdir()

    ended = execute("validate", str(hello))

    assert ended.code == 3
    assert "'hello.py' is a folder, not a Python file" in ended.out


def test_a_handler_that_is_a_pipe_is_not_waited_for(hello: Path) -> None:
    (hello / "hello.py").unlink()
    os.mkfifo(hello / "hello.py")

    ended = execute("validate", str(hello))

    assert ended.code == 3
    assert "'hello.py' is not a file" in ended.out


def test_no_file_of_an_editor_is_suggested_as_a_handler(hello: Path) -> None:
    (hello / "hello.py").rename(hello / ".#hello.py")
    assert "did you mean" not in execute("validate", str(hello)).out
    (hello / ".#hello.py").rename(hello / "hallo.py")
    assert "no file 'hello.py'; did you mean 'hallo.py'?" in execute("validate", str(hello)).out


def test_an_environment_file_may_come_from_another_system(hello: Path) -> None:
    (hello / "env").write_bytes(b"\xef\xbb\xbfTHE_PATH=/there\r\n")
    override = "app:hello.endpoint:path=${env:THE_PATH}"

    ended = execute("validate", str(hello), "--env-file", str(hello / "env"), "-o", override)

    assert ended.code == 0, ended.err + ended.out


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_it_serves_and_stops_without_its_standard_streams(hello: Path, closed: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = (
        f'exec "{sys.executable}" -m runtime run "{hello}" -o app:gateway:addr=127.0.0.1:{port}'
    )
    program = subprocess.Popen(
        f"{command} {closed}", shell=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )

    def is_up() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(is_up)
        program.terminate()

        assert program.wait(30) == 0
    finally:
        program.kill()
        program.wait(30)
