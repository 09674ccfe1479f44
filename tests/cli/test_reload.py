"""runtime reload and runtime plan: a running application is asked, and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.blackbox import execute
from tests.support.managing import Managed, managed, sockets_folder
from tests.support.program import SOON, write_application

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: get, kind: http.endpoint, method: GET, path: /, func: file://web.py#get}
  - {name: put, kind: http.endpoint, method: POST, path: /, func: file://web.py#put}
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue}
"""
WEB = """
from runtime.modules import queue

async def get():
    return [1]

async def put():
    await queue.publish("tasks", 1)
"""


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    with sockets_folder():
        yield


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Managed]:
    with managed(write_application(tmp_path / "shop", MANIFEST, **{"web.py": WEB})) as site:
        yield site


def edit(site: Managed, file: str, old: str, new: str) -> None:
    path = site.folder / file
    path.write_text(path.read_text().replace(old, new))


def test_a_plan_says_what_the_reload_then_does(site: Managed) -> None:
    edit(site, "web.py", "return [1]", "return [2]")
    edit(
        site,
        "_index.yaml",
        "path: /, func: file://web.py#put",
        "path: /put, func: file://web.py#put",
    )

    planned = execute("plan", str(site.folder), "--exit-code")
    assert httpx.get(site.program.url(), timeout=SOON).json() == [1]
    done = execute("reload", "-C", str(site.folder))

    assert (planned.code, done.code) == (7, 0), planned.err + done.err
    assert planned.out == done.out
    assert [line.split()[:2] for line in planned.out.splitlines()] == [
        ["revise", "app:get"],
        ["revise", "app:put"],
        ["4", "entries"],
    ], planned.out
    assert httpx.get(site.program.url(), timeout=SOON).json() == [2]
    again = execute("plan", str(site.folder), "--exit-code")
    assert (again.code, again.out) == (0, "nothing would change; 6 entries kept\n")
    assert execute("reload", str(site.folder)).out == "nothing changed; 6 entries kept\n"


def test_findings_are_printed_with_their_lines_and_the_old_version_goes_on(site: Managed) -> None:
    edit(site, "_index.yaml", "method: GET", "method: GTE")

    said = {
        "plan": "a reload would be refused:",
        "reload": "the reload was refused, and the old version goes on:",
    }
    for command, first in said.items():
        refused = execute(command, str(site.folder))
        assert refused.code == 3, refused.out
        assert refused.err.splitlines()[0] == first
        assert "_index.yaml:6:" in refused.err
        assert "^^^" in refused.err
    assert httpx.get(site.program.url(), timeout=SOON).json() == [1]


def test_a_handler_that_cannot_be_imported_is_a_finding(site: Managed) -> None:
    edit(site, "web.py", "async def get", "import nowhere\nasync def get")

    refused = execute("reload", str(site.folder))
    assert refused.code == 3
    assert "No module named 'nowhere'" in refused.err


def test_what_would_be_lost_is_told_and_can_be_forced(site: Managed) -> None:
    httpx.post(site.program.url(), timeout=SOON)
    edit(site, "_index.yaml", "  - {name: tasks, kind: queue.queue}", "")
    edit(site, "_index.yaml", "file://web.py#put", "file://web.py#get")

    planned = json.loads(execute("plan", str(site.folder), "--json").out)
    lost = {each["id"]: each["lost"] for each in planned["changes"] if each["lost"]}
    assert lost == {"app:tasks": "1 message"}
    refused = execute("reload", str(site.folder))
    assert (refused.code, "would lose 1 message" in refused.err) == (3, True)
    assert execute("reload", str(site.folder), "--force").code == 0


def test_the_dashboard_asks_for_a_reload_and_shows_a_mistake(site: Managed) -> None:
    edit(site, "web.py", "return [1]", "return [2]")
    asked = {"operation": "reload", "back": "/entries"}
    answer = site.socket.request(*form(asked))
    assert (answer.status, httpx.get(site.program.url(), timeout=SOON).json()) == (303, [2])
    assert "Reload" in site.socket.get("/entries").body.decode()

    edit(site, "web.py", "return [2]", "return (")
    answer = site.socket.request(*form(asked))
    assert answer.status == 409
    assert "the old version goes on" in answer.body.decode()


def test_nothing_runs(tmp_path: Path) -> None:
    folder = write_application(tmp_path / "shop", MANIFEST, **{"web.py": WEB})
    for command in ("plan", "reload"):
        assert execute(command, str(folder)).code == 4


def form(fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    body = str(httpx.QueryParams(fields)).encode()
    return "POST", "/act", body, {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.slow
def test_several_workers_are_reloaded_by_their_parent(tmp_path: Path) -> None:
    keep = [line for line in MANIFEST.splitlines(keepends=True) if "queue" not in line]
    manifest = "".join(line for line in keep if "name: put" not in line)
    folder = write_application(
        tmp_path / "shop", manifest, **{"web.py": WEB.partition("async def put")[0]}
    )
    with managed(folder, "--workers", "2") as site:
        edit(site, "web.py", "return [1]", "return [2]")
        planned = execute("plan", str(folder))
        done = execute("reload", str(folder), "--force")
        assert (done.code, done.out) == (0, planned.out), done.err
        for _ in range(10):
            assert httpx.get(site.program.url(), timeout=SOON).json() == [2]
        edit(site, "_index.yaml", "127.0.0.1:0", "127.0.0.1:1")
        refused = execute("reload", str(folder))
        assert (refused.code, "cannot listen elsewhere" in refused.err) == (3, True)
