"""Forked children: a signal to one is its own, and none uses what belongs to the program."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.program import PLAIN_LOOP, SOON, running, write_application

pytestmark = pytest.mark.slow

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: api, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: api}, method: GET, path: "/", func: handle}
  - name: handle
    kind: function.python
    source: file://handlers.py
    method: handle
    modules: [sql, queue, os, signal, time, asyncio]
  - {name: db, kind: db.sql.sqlite, file: ./data/app.db, lifecycle: {auto_start: true}}
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: driver}
"""

FORKS = """
import os, signal, time

def in_child(work):
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        with open(reader) as pipe:
            said = pipe.read()
        return said, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(writer, "w") as pipe:
        try:
            print(work(pipe), file=pipe)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=pipe)
    os._exit(0)
"""


def application(folder: Path, code: str) -> Path:
    return write_application(folder, MANIFEST, **{"handlers.py": FORKS + code})


@pytest.mark.parametrize("before", ["", PLAIN_LOOP], ids=["uvloop", "asyncio"])
@pytest.mark.parametrize("handler", ["def", "async def"])
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_to_a_child_ends_the_child_only(
    number: str, handler: str, before: str, tmp_path: Path
) -> None:
    code = f"""
def wait(pipe):
    print("waits", file=pipe, flush=True)
    os.kill(os.getpid(), signal.{number})
    time.sleep(20)

{handler} handle():
    said, code = in_child(wait)
    return {{"said": said, "code": code}}
"""
    with running(application(tmp_path, code), before=before) as program:
        answer = httpx.get(program.url(), timeout=SOON).json()
        ends = {"SIGINT": ("waits\nKeyboardInterrupt: \n", 0)}
        assert (answer["said"], answer["code"]) == ends.get(
            number, ("waits\n", -getattr(signal, number))
        )
        assert program.stop() == 0


USES = {
    "query": "db.query('SELECT 1')",
    "transaction": "db.transaction().__enter__().query('SELECT 1')",
    "entered": "tx.query('SELECT 1')",
    "publish": "queue.publish('tasks', 1)",
    "info": "queue.info('tasks')",
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_child_is_told_that_it_cannot_use_the_application(use: str, tmp_path: Path) -> None:
    code = f"""
from runtime.modules.sync import queue, sql

def handle():
    db = sql.get("db")
    with db.transaction() as tx:
        tx.execute("CREATE TABLE IF NOT EXISTS t (n)")
        return {{"said": in_child(lambda pipe: {use})[0]}}
"""
    with running(application(tmp_path, code)) as program:
        said = httpx.get(program.url(), timeout=SOON).json()["said"]

        assert said.startswith("ForkedChild: ")
        assert "cannot be used in a forked child of the program" in said
        assert program.stop() == 0


def test_an_async_handler_s_child_is_told_too(tmp_path: Path) -> None:
    code = """
import asyncio
from runtime.modules import queue, sql

async def handle():
    db = sql.get("db")
    uses = (lambda: db.query("SELECT 1"), lambda: queue.publish("tasks", 1))
    return [in_child(lambda pipe: asyncio.run(use()))[0] for use in uses]
"""
    with running(application(tmp_path, code)) as program:
        database, queue = httpx.get(program.url(), timeout=SOON).json()

        assert database.startswith("ForkedChild: database 'app:db'")
        assert queue.startswith("ForkedChild: queue 'app:tasks'")


@pytest.mark.parametrize("before", ["", PLAIN_LOOP], ids=["uvloop", "asyncio"])
def test_a_child_that_lives_on_holds_neither_a_client_nor_the_port(
    before: str, tmp_path: Path
) -> None:
    code = """
async def handle():
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    return {"child": child}
"""
    with running(application(tmp_path, code), before=before) as program:
        with socket.create_connection(("127.0.0.1", program.port), timeout=10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))  # until the server closes
        assert b"200 OK" in answer
        program.signal(signal.SIGKILL)
        with socket.socket() as other, pytest.raises(ConnectionRefusedError):
            # refused only once nobody has the port open; the child may have died with its parent
            while not program.ended:
                pass
            other.connect(("127.0.0.1", program.port))


@pytest.mark.parametrize("handler", ["def", "async def"])
def test_a_child_that_returns_from_the_handler_ends_there(handler: str, tmp_path: Path) -> None:
    code = f"""
{handler} handle():
    child = os.fork()
    if child == 0:
        return {{"who": "child"}}
    return {{"who": "parent", "code": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}}
"""
    with running(application(tmp_path, code)) as program:
        assert httpx.get(program.url(), timeout=SOON).json() == {"who": "parent", "code": 0}
        assert "app:handle: a forked child returned from the handler" in program.stderr
        assert program.stop() == 0


@pytest.mark.parametrize("handler", ["def", "async def"])
@pytest.mark.parametrize("error", ["ValueError", "SystemExit"])
def test_an_error_that_ends_a_child_is_in_the_log_without_secrets(
    error: str, handler: str, tmp_path: Path
) -> None:
    code = f"""
from runtime.modules import registry

{handler} handle():
    child = os.fork()
    if child == 0:
        raise {error}(f"{{registry.get('settings')['token']}} is refused")
    return {{"code": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}}
"""
    folder = application(tmp_path, code)
    manifest = folder / "_index.yaml"
    settings = '  - {name: settings, kind: registry.entry, token: "${file:token}"}\n'
    manifest.write_text(
        manifest.read_text().replace("modules: [", "modules: [registry, ") + settings
    )
    (folder / "token").write_text("CANARY")
    with running(folder) as program:
        assert httpx.get(program.url(), timeout=SOON).json() == {"code": 1}
        assert program.stop() == 0
    assert "app:handle: a forked child" in program.stderr
    assert "[hidden] is refused" in program.stderr
    assert "CANARY" not in program.stderr


def test_what_a_child_makes_for_itself_works_there(tmp_path: Path) -> None:
    """As in a server that forks before it builds an application."""
    alone = f"""
import asyncio, os, sys
from pathlib import Path
from runtime.application.application import Application
from runtime.handlers import fork

child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
application = Application.load(Path({str(tmp_path)!r}))
stop = asyncio.Event()

async def main():
    serving = asyncio.create_task(application.serve(stop))
    await asyncio.wait_for(serving, 10)
    assert fork.depth == 1

asyncio.run(main())
"""
    write_application(tmp_path, TRANSACTS, **{"handlers.py": WRITES})
    command = [sys.executable, "-c", alone]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert "written 1" in ended.stdout, ended.stderr


TRANSACTS = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: ./data/app.db}
  - {name: host, kind: process.host}
  - {name: write, kind: process.python, source: "file://handlers.py", method: write, modules: [sql]}
  - {name: once, kind: process.service, process: write, host: host,
     lifecycle: {auto_start: true, requires: [db]}}
"""
WRITES = """
import os
from runtime.modules.sync import sql

def write():
    with sql.get("db").transaction() as tx:
        tx.execute("CREATE TABLE t (n)")
        tx.execute("INSERT INTO t VALUES (1)")
        print("written", len(tx.query("SELECT * FROM t")), flush=True)
    os._exit(0)
"""
