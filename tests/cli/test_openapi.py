"""`runtime openapi`: the document of a server, without running anything."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import yaml
from openapi_spec_validator import validate

from tests.support.blackbox import EXAMPLE, FREE_PORT, execute, running, write_files

pytestmark = pytest.mark.slow

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: ./data/app.db, lifecycle: {auto_start: true}}
  - {name: gateway, kind: http.service, addr: "127.0.0.1:{PORT}", lifecycle: {auto_start: true}}
  - {name: site, kind: http.static, meta: {server: gateway}, path: /, directory: ./not-built-yet}
  - {name: router, kind: http.router, meta: {server: gateway}, prefix: /api}
  - {name: ping, kind: http.endpoint, meta: {router: router}, method: GET, path: /ping, func: "file://api.py#ping"}
"""
API = '''
print("imported")

async def ping():
    """Say that it is there. Sí."""
'''
SECOND = """
  - {name: admin, kind: http.service, addr: "127.0.0.1:0"}
  - {name: tools, kind: http.router, meta: {server: admin}}
  - {name: stop, kind: http.endpoint, meta: {router: tools}, method: POST, path: /stop, func: "file://api.py#ping"}
"""


def application(folder: Path, more: str = "", port: int = 0) -> str:
    manifest = MANIFEST.replace("{PORT}", str(port)) + more
    return str(write_files(folder, {"_index.yaml": manifest, "api.py": API}))


def test_the_example_has_a_valid_document_though_its_server_serves_none() -> None:
    ended = execute("openapi", str(EXAMPLE))
    document = json.loads(ended.out)

    validate(document)
    assert ended.code == 0
    assert document["info"] == {"title": "task-queue", "version": "0.1.0"}
    assert [*document["paths"]["/tasks"]] == ["post", "get"]
    post = document["paths"]["/tasks"]["post"]
    assert post["operationId"] == "create_task.endpoint"
    assert post["summary"] == "POST /tasks: take a task and put it into the queue."
    assert post["x-source"] == "src/create_task.py:9"


def test_nothing_is_started_and_stdout_is_the_document_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = execute("openapi", application(tmp_path, port=taken.getsockname()[1]))

    assert ended.code == 0, ended.err
    assert [*json.loads(ended.out)["paths"]] == ["/api/ping"]
    assert ended.err == "imported\n"
    assert not (tmp_path / "data").exists()


def test_yaml_says_the_same(tmp_path: Path) -> None:
    folder = application(tmp_path)

    assert yaml.safe_load(execute("openapi", folder, "--yaml").out) == json.loads(
        execute("openapi", folder).out
    )


def test_it_is_what_the_server_serves(tmp_path: Path) -> None:
    folder = application(tmp_path)
    (tmp_path / "not-built-yet").mkdir()
    options = ["-o", "app:gateway:openapi={title: Ping, version: '2.1'}"]
    printed = json.loads(execute("openapi", folder, *options).out)
    with running(folder, FREE_PORT, *options[1:]) as site:
        served = site.ask("GET", "/openapi.json").json

    assert printed == served
    assert served["info"] == {"title": "Ping", "version": "2.1"}


def test_of_several_servers_one_must_be_named(tmp_path: Path) -> None:
    folder = application(tmp_path, SECOND)
    unnamed, wrong = execute("openapi", folder), execute("openapi", folder, "admni")
    named = execute("openapi", folder, "admin")

    assert (unnamed.code, wrong.code, named.code) == (2, 2, 0)
    assert "name one of them: app:gateway, app:admin" in unnamed.err
    assert "no server 'admni'; did you mean 'admin'?" in wrong.err
    assert [*json.loads(named.out)["paths"]] == ["/stop"]


def test_an_application_without_a_server_has_no_document(tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text("namespace: app\nentries: []\n")
    ended = execute("openapi", str(tmp_path))

    assert (ended.code, ended.out) == (2, "")
    assert "there is no server here: no entry is of kind http.service" in ended.err


def test_a_handler_that_cannot_be_imported_is_told_without_a_traceback(tmp_path: Path) -> None:
    folder = application(tmp_path)
    (tmp_path / "api.py").write_text("import nowhere_at_all\nasync def ping(): ...\n")
    ended = execute("openapi", folder)

    assert (ended.code, ended.out) == (4, "")
    assert "api.py:1" in ended.err
    assert "nowhere_at_all" in ended.err
    assert "Traceback" not in ended.err


def test_findings_end_it_with_3(tmp_path: Path) -> None:
    folder = application(tmp_path, "  - {name: x, kind: http.rooter}\n")
    ended = execute("openapi", folder)

    assert (ended.code, ended.out) == (3, "")
    assert "did you mean 'http.router'?" in ended.err
