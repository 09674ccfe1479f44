"""http.websocket: what is wrong is found before anything starts."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from runtime.findings.finding import ManifestError
from tests.support.hosting import GATEWAY, linked
from tests.support.sockets import HEADER, ROUTER, socket_entry

GOOD = "async def talk(socket): pass"


def findings(folder: Path, code: str = GOOD, entries: str = "", **fields: object) -> list[str]:
    manifest = GATEWAY + ROUTER + socket_entry("talk", **fields) + entries
    try:
        linked(folder, manifest, {"h.py": HEADER + dedent(code)})
    except ManifestError as error:
        return [str(finding) for finding in error.findings]
    return []


def test_functions_that_cannot_hold_a_connection_are_found(tmp_path: Path) -> None:
    wrong = {
        "def talk(socket): pass": "plain 'def', and a WebSocket ('app:talk.socket') awaits it",
        "async def talk(socket): yield 1": "makes 'talk' a generator",
        "async def talk(): pass": "'talk' takes no argument, but a WebSocket",
        "async def talk(a: http.WebSocket, b: dict): pass": "a WebSocket's request has none",
        "async def talk(a: http.WebSocket, b: http.Reply): pass": "asks for http.Reply, but",
        "async def talk(page: int = 1): pass": "'talk' does not take the socket of the WebSocket",
    }
    assert findings(tmp_path) == []
    for code, message in wrong.items():
        (found,) = findings(tmp_path, code)
        assert message in found


def test_only_a_websocket_has_a_socket_to_give(tmp_path: Path) -> None:
    endpoint = (
        "  - {name: page, kind: http.endpoint, meta: {router: router}, method: GET, path: /page, "
        'func: "file://h.py#page"}\n'
    )
    code = GOOD + "\nasync def page(socket: http.WebSocket): pass"
    (found,) = findings(tmp_path, code, endpoint)
    assert "'socket' asks for http.WebSocket, but GET /page has none" in found


def test_paths_are_claimed_once_and_origins_are_origins(tmp_path: Path) -> None:
    again = socket_entry("talk", "/{x}").replace("talk.socket", "again")
    other = socket_entry("talk", "/{y}").replace("talk.socket", "other")
    (found,) = findings(tmp_path, entries=again + other)
    assert "the WebSocket /{y}" in found
    for origin in ("shop.example", "https://shop.example/", "ws://shop.example"):
        (found,) = findings(tmp_path, origins=f'["{origin}"]')
        assert "write https://shop.example, without a path" in found
    assert findings(tmp_path, origins='["https://shop.example", "*"]') == []
    (found,) = findings(tmp_path, path="/{a}/{a}")
    assert "the parameter 'a' twice" in found


def test_without_its_package_the_kind_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec

    def without(name: str, *rest: Any) -> Any:
        return None if name == "websockets" else found(name, *rest)

    monkeypatch.setattr("runtime.findings.extra.find_spec", without)
    (finding,) = findings(tmp_path)
    assert "this kind needs websockets, which is not installed" in finding
    assert "pip install 'manifest-runtime[websocket]'" in finding


def test_nothing_is_imported_where_there_is_no_websocket(tmp_path: Path) -> None:
    code = """
        import sys
        from runtime.testing import running
        with running(sys.argv[1]) as app:
            assert app.get("/").status == 404
        assert not [name for name in sys.modules if name.startswith("websockets")]
        assert "runtime.engines.web.websocket.frames" not in sys.modules
    """
    (tmp_path / "_index.yaml").write_text(GATEWAY + ROUTER)
    command = [sys.executable, "-c", dedent(code), str(tmp_path)]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
