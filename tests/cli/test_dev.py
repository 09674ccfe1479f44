"""runtime dev, on a terminal: what is saved is served, and a mistake ends nothing."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from runtime.engines.management.traces.settings import MOST_SAMPLED
from tests.support.blackbox import eventually, execute
from tests.support.managing import sockets_folder
from tests.support.program import SOON, write_application
from tests.support.terminal import TerminalProgram, on_a_terminal

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: get, kind: http.endpoint, method: GET, path: /, func: file://web.py#get}
  - {name: named, kind: http.endpoint, method: GET, path: "/${env:NAME|none}", func: file://web.py#get}
"""
WEB = """
import logging
from .rules import VERSION

async def get(request):
    logging.getLogger("shop").info("asked")
    return {"version": VERSION}
"""
FILES = {"web.py": WEB, "rules.py": "VERSION = 0\n"}


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    with sockets_folder():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_application(tmp_path / "shop", MANIFEST, **FILES)


def developing(
    folder: Path, *options: str, ready: bool = True
) -> AbstractContextManager[TerminalProgram]:
    return on_a_terminal(folder, *options, command="dev", ready=ready, env={"FORCE_COLOR": ""})


def url(program: TerminalProgram, path: str = "/") -> str:
    program.wait_for("is running on http")
    found = re.findall(r"app:gateway is running on (http\S+)", program.shown)
    return str(found[-1]) + path


def version(program: TerminalProgram, path: str = "/") -> int:
    found: int = httpx.get(url(program, path), timeout=SOON).json()["version"]
    return found


def save(folder: Path, file: str, text: str) -> None:
    """As most editors do it."""
    beside = folder / f".{file}.new"
    beside.write_text(text)
    beside.rename(folder / file)


def test_what_is_saved_is_served(folder: Path) -> None:
    with developing(folder) as program:
        assert version(program) == 0
        for number in range(1, 6):  # of the same size, within a second
            save(folder, "rules.py", f"VERSION = {number}\n")
            program.wait_for("reloaded in", number)
            assert version(program) == number
        assert "ms: get, named; kept 2" in program.shown
        save(folder, "_index.yaml", MANIFEST.replace("path: /,", "path: /other,"))
        program.wait_for("reloaded in", 6)
        assert version(program, "/other") == 5
        program.signal(signal.SIGINT)
        assert program.wait() == 0
        assert 'GET / HTTP/1.1" 200' in program.stdout


def test_a_mistake_is_shown_with_its_line_while_the_old_code_serves(folder: Path) -> None:
    with developing(folder) as program:
        save(folder, "rules.py", "VERSION = (\n")
        program.wait_for("the reload was refused, and the old version goes on")
        assert "rules.py:1: the handler 'web.py' cannot be imported: SyntaxError" in program.shown
        assert "1 | VERSION = (" in program.shown
        assert "^" in program.shown
        assert version(program) == 0
        save(folder, "rules.py", "1 / 0\n")
        program.wait_for("ZeroDivisionError")
        save(folder, "_index.yaml", MANIFEST.replace("router}", "rooter}"))
        program.wait_for("was refused", 3)
        assert re.search(r"_index\.yaml:5:\d+:.*\n.*5 \|   - {name: router", program.shown)
        save(folder, "_index.yaml", MANIFEST)
        save(folder, "rules.py", FILES["rules.py"])  # as it was
        program.wait_for("nothing changed; kept 4")
        save(folder, "rules.py", "VERSION = 9\n")
        program.wait_for("reloaded in", 2)
        assert version(program) == 9


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("_index.yaml", MANIFEST.replace("GET", "GTE"), "did you mean 'GET'"),
        ("rules.py", "1 / 0\n", "ZeroDivisionError"),
        ("_index.yaml", MANIFEST.replace("127.0.0.1:0", "203.0.113.1:1"), "203.0.113.1:1"),
        (".env", "NAME='\n", ".env"),
    ],
)
def test_a_start_that_fails_waits_for_the_mend(
    folder: Path, file: str, text: str, told: str
) -> None:
    good = {**FILES, "_index.yaml": MANIFEST, ".env": "NAME=one\n"}
    (folder / file).write_text(text)
    with developing(folder, ready=False) as program:
        program.wait_for("waiting for an edit")
        assert told in program.shown
        save(folder, file, good[file])
        program.wait_for("ready in")
        assert version(program) == 0
        program.type("\x03")
        assert program.wait() == 0


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--only", "gatewy"), 2, "no service 'gatewy'; did you mean 'gateway'?"),
        (("--only", "app"), 2, "no service 'app'; there are: app:gateway"),
        (("--only", "gateway", "--only", "get"), 2, "'app:get' is of kind http.endpoint and does"),
        (("--except", "gatewy"), 2, "no service 'gatewy'; did you mean 'gateway'?"),
        (("--except", "gateway"), 2, "this leaves nothing to run but resources"),
        (("--management", "nonsense"), 2, "--management: 'nonsense' is not an address"),
        (("-o", "app:gatewy:addr=:1"), 3, "-o app:gatewy:addr: no entry 'app:gatewy'"),
    ],
)
def test_an_option_that_is_wrong_ends_it_as_it_ends_a_run(
    folder: Path, options: tuple[str, ...], code: int, told: str
) -> None:
    developed, ran = (execute(name, str(folder), *options) for name in ("dev", "run"))

    assert told in developed.err
    assert (developed.code, developed.err) == (ran.code, ran.err)
    assert (developed.code, "Traceback" in developed.err) == (code, False)


def test_a_name_that_an_edit_took_away_waits_for_its_mend(folder: Path) -> None:
    (folder / "_index.yaml").write_text(MANIFEST.replace("GET", "GTE"))
    with developing(folder, "--only", "gateway", ready=False) as program:
        program.wait_for("waiting for an edit")
        save(folder, "_index.yaml", MANIFEST.replace("gateway", "door"))
        program.wait_for("no service 'gateway'")
        program.wait_for("waiting for an edit", 2)
        save(folder, "_index.yaml", MANIFEST)
        program.wait_for("ready in")
        assert version(program) == 0


def test_ctrl_c_ends_it_while_it_waits(folder: Path) -> None:
    (folder / "_index.yaml").write_text("namespace: app\nentries: 1\n")
    with developing(folder, ready=False) as program:
        program.wait_for("waiting for an edit")
        program.type("\x03")
        assert program.wait() == 0


def test_the_environment_is_read_and_watched(folder: Path) -> None:
    with developing(folder) as program:
        assert version(program, "/none") == 0
        (folder / ".env").write_text("NAME=one\n")
        program.wait_for("reloaded in")
        assert version(program, "/one") == 0
        assert httpx.get(url(program, "/none"), timeout=SOON).status_code == 404


def test_without_reload_a_start_that_fails_ends(folder: Path) -> None:
    (folder / "rules.py").write_text("1 / 0\n")
    with developing(folder, "--no-reload", ready=False) as program:
        assert program.wait() == 4


def test_lines_of_one_request_have_a_colour_of_their_own(folder: Path) -> None:
    with developing(folder) as program:
        for _ in range(2):
            version(program)
        program.wait_for("asked", 2)
        lines = [line for line in program.shown.splitlines() if "asked" in line]
        colours = [re.findall(r"\x1b\[(\d+)m\|", line) for line in lines]
        assert all(colours)
        assert colours[0] != colours[1]


def test_no_color_is_heeded(folder: Path) -> None:
    with on_a_terminal(folder, command="dev", env={"NO_COLOR": "1"}) as program:
        version(program)
        program.wait_for("asked")
        assert "\x1b[" not in program.shown


def test_all_traces_are_kept_and_the_dashboard_is_opened(folder: Path, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho $1 > {opened}.new\nmv {opened}.new {opened}\n")
    browser.chmod(0o755)
    options, env = ("--open", "--management", "127.0.0.1:0"), {"BROWSER": f"{browser} %s"}
    with on_a_terminal(folder, *options, command="dev", ready=False, env=env) as program:
        program.wait_for("management: http")
        address = re.findall(r"management: (http\S+)", program.shown)[0]
        for _ in range(MOST_SAMPLED + 5):
            version(program)
        while not opened.exists():
            os.sched_yield()
        assert opened.read_text().strip() == address
        found = f"{address}/api/traces?limit=100"
        assert eventually(
            lambda: len(httpx.get(found, timeout=SOON).json()["traces"]) == MOST_SAMPLED + 5
        )
        save(folder, "rules.py", "VERSION = \n")
        program.wait_for("was refused")
        while not httpx.get(f"{address}/api/status", timeout=SOON).json()["refused"]:
            pass
