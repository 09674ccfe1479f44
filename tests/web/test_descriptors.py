"""A program with few descriptors: it starts or says why not, and keeps some for itself."""

from __future__ import annotations

import contextlib
import http.client
import socket
from pathlib import Path

import pytest

from tests.support.blackbox import FREE_PORT, eventually, write_files
from tests.support.program import PLAIN_LOOP, Program
from tests.support.program import running as running_program
from tests.support.serving import SOON

LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))"
APPLICATION = {
    "_index.yaml": """
        namespace: app
        entries:
          - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
          - {name: files, kind: http.static, meta: {server: gateway}, path: /, directory: ./public}
          - {name: router, kind: http.router, meta: {server: gateway}}
          - name: limit.e
            kind: http.endpoint
            meta: {router: router}
            method: GET
            path: /limit
            func: limit
          - {name: limit, kind: function.python, source: file://h.py, method: limit}
    """,
    "h.py": """
        import resource

        def limit():
            return {"limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0]}
    """,
    "public/a.txt": "a file",
}


def connect(program: Program) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", program.port, timeout=SOON)


def asked(client: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    client.request("GET", path)
    answer = client.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("loop", ["", PLAIN_LOOP])
def test_clients_who_take_all_descriptors_leave_some_to_the_program(
    loop: str, tmp_path: Path
) -> None:
    write_files(tmp_path, APPLICATION)
    limited = LIMITED.format(soft=64, hard=64) + "\n" + loop
    with running_program(tmp_path, "-o", FREE_PORT, before=limited) as program:
        early = connect(program)
        assert asked(early, "/a.txt") == (200, b"a file")
        idle = [socket.create_connection(("127.0.0.1", program.port)) for _ in range(150)]
        line = program.wait_for("no file descriptor is left for a client")
        late = connect(program)
        with contextlib.suppress(ConnectionError):
            assert asked(late, "/limit")[0] == 503
        assert asked(early, "/a.txt") == (200, b"a file")
        for each in (*idle, late):
            each.close()
        eventually(lambda: with_client(program, "/a.txt") == 200)
        early.close()

        assert "raise the limit (ulimit -n), which is 64" in line["message"]
        assert (line["level"], line["entry"]) == ("warning", "app:gateway")
        assert program.stop() == 0
        assert "Traceback" not in program.stderr


def with_client(program: Program, path: str) -> int:
    client = connect(program)
    try:
        return asked(client, path)[0]
    except (ConnectionError, http.client.HTTPException):
        return 0
    finally:
        client.close()


def test_the_soft_limit_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    write_files(tmp_path, APPLICATION)
    limited = LIMITED.format(soft=70, hard=500)
    with running_program(tmp_path, "-o", FREE_PORT, before=limited) as program:
        client = connect(program)
        assert asked(client, "/limit") == (200, b'{"limit":500}')
        client.close()
        assert program.stop() == 0


@pytest.mark.parametrize("count", [14, 20, 31])
def test_too_few_descriptors_are_one_sentence(count: int, tmp_path: Path) -> None:
    write_files(tmp_path, APPLICATION)
    limited = LIMITED.format(soft=count, hard=count)
    with running_program(tmp_path, "-o", FREE_PORT, before=limited, ready=False) as program:
        assert program.wait() == 4
        assert f"too few open files are allowed, {count}; raise the limit" in program.stderr
        assert "Traceback" not in program.stderr


def test_each_worker_keeps_descriptors_for_itself(tmp_path: Path) -> None:
    write_files(tmp_path, APPLICATION)
    options = ["-o", FREE_PORT, "-o", "app:gateway:max_connections=3", "--workers", "2"]
    with running_program(tmp_path, *options) as program:
        clients = [connect(program) for _ in range(30)]
        statuses = []
        for client in clients:
            with contextlib.suppress(ConnectionError):
                statuses.append(asked(client, "/a.txt")[0])
        program.wait_for("as many as 'max_connections' allows")
        for client in clients:
            client.close()

        assert 3 <= statuses.count(200) <= 6
        assert set(statuses) == {200, 503}
        assert program.stop() == 0
