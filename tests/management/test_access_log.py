"""A line on stdout for each request that was answered."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.blackbox import Site
from tests.support.program import running, write_application

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, method: GET, path: "/tasks/{id}", func: file://h.py#get}
"""
HANDLER = "async def get():\n    return 'here'\n"


@pytest.fixture
def application(tmp_path: Path) -> Path:
    return write_application(tmp_path, MANIFEST, **{"h.py": HANDLER})


def lines(application: Path, form: str) -> list[str]:
    with running(application, "--access-log", form) as program:
        web = Site(program)
        web.ask("GET", "/tasks/7?token=secret-of-mine")
        web.ask("GET", "/nothing/%22%1b[2J")
        program.stop()
        assert "secret-of-mine" not in program.stdout + program.stderr
        return program.stdout.splitlines()


def test_the_common_format_is_that_of_other_servers(application: Path) -> None:
    first, second = lines(application, "common")

    form = r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:[\d:]{8} \+0000\] "GET (\S+) HTTP/1\.1" (\d+) -'
    assert (match := re.fullmatch(form, first)) is not None
    assert match.groups() == ("/tasks/7", "200")
    assert (match := re.fullmatch(form, second)) is not None
    assert match[2] == "404"


def test_json_has_the_route_and_the_request_id(application: Path) -> None:
    first, second = map(json.loads, lines(application, "json"))

    assert (first["path"], first["route"]) == ("/tasks/7", "/tasks/{id}")
    assert (first["status"], second["status"], second["route"]) == (200, 404, None)
    assert first["request_id"] != second["request_id"]
    assert 0 <= first["seconds"] < 20


def test_without_it_nothing_is_printed(application: Path) -> None:
    assert lines(application, "off") == []
