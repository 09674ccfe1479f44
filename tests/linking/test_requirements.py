"""Processes that are required in vain, calls that harm the program, and messages that are lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.blackbox import Site, write_files
from tests.support.hosting import remarks
from tests.support.program import running

MIGRATION = """
namespace: app
entries:
  - {{name: host, kind: process.host}}
  - {{name: migrate, kind: process.python, source: file://h.py}}
  - {{name: migration, kind: process.service, process: migrate, host: host, type: oneshot{service}}}
  - name: web
    kind: http.service
    addr: "127.0.0.1:0"
    lifecycle: {{auto_start: true, requires: [{required}]}}
  - {{name: files, kind: http.static, meta: {{server: web}}, path: /, directory: .}}
"""
PUBLISHING = """
namespace: app
entries:
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: driver}
  - {name: web, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: web}}
  - {name: put, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: f}
  - {name: f, kind: function.python, source: file://h.py, modules: [queue]}
"""
HANDLERS = """
from runtime.modules import queue
async def main(body=None): await queue.publish("tasks", 1); await queue.info("tasks")
"""


def told(folder: Path, manifest: str, handlers: str = "def main(): pass") -> list[str]:
    """The findings, or the notes if there are none, without the folder."""
    found = remarks(folder, manifest, {"h.py": handlers})
    return [str(each).replace(f"{folder}/", "") for each in found]


def test_a_process_that_is_required_in_place_of_its_service_is_a_finding(tmp_path: Path) -> None:
    assert told(tmp_path, MIGRATION.format(service="", required="migrate")) == [
        "_index.yaml:9:46: 'app:migrate' does not run by itself, and nothing starts its service; "
        "write app:migration"
    ]


@pytest.mark.parametrize(
    ("service", "required"),
    [
        ("", "migration"),
        ("", "'migrate', migration"),
        (", lifecycle: {auto_start: true}", "migrate"),
    ],
)
def test_a_process_whose_service_starts_may_be_required(
    service: str, required: str, tmp_path: Path
) -> None:
    assert told(tmp_path, MIGRATION.format(service=service, required=required)) == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("time.sleep(1)", "'time.sleep' blocks the event loop, and so every other request"),
        ("subprocess.run(['ls'])", "'subprocess.run' blocks the event loop, and so every other"),
        ("urlopen('http://x')", "'urllib.request.urlopen' blocks the event loop, and so every"),
        ("os.chdir('/')", "'os.chdir' changes the folder of the whole program; use absolute paths"),
        ("asyncio.run(main())", "'asyncio.run' fails where an event loop runs, as in an 'async"),
    ],
)
def test_a_call_that_harms_everybody_is_a_note(call: str, said: str, tmp_path: Path) -> None:
    imports = "import asyncio, os, subprocess, time\nfrom urllib.request import urlopen\n"
    manifest = MIGRATION.format(service="", required="migration")

    (note,) = told(tmp_path, manifest, f"{imports}async def main():\n    {call}\n")

    assert note.startswith(f"h.py:4:5: note: {said}")


@pytest.mark.parametrize(
    "handler",
    [
        "import time\ndef main(): time.sleep(1)",
        "import asyncio, time\nasync def main(): await asyncio.to_thread(time.sleep, 1)",
        "import time\nasync def main():\n def work(): time.sleep(1)",
        "import os\nos.chdir('/')\ndef main(): pass",
        "async def main(time): time.sleep(1)",
    ],
)
def test_what_harms_nobody_else_is_no_note(handler: str, tmp_path: Path) -> None:
    handler = handler.replace("main(time)", "main(time=None)")

    assert told(tmp_path, MIGRATION.format(service="", required="migration"), handler) == []


def test_a_memory_driver_that_never_started_warns_of_its_loss_too(tmp_path: Path) -> None:
    manifest = PUBLISHING.replace(
        "queue.driver.memory", "queue.driver.memory, lifecycle: {auto_start: false}"
    )
    folder = write_files(tmp_path, {"_index.yaml": manifest, "h.py": HANDLERS})
    with running(folder) as program:
        assert Site(program).ask("GET", "/").status == 204
        assert program.stop() == 0

    assert "not started: app:driver (auto_start: false)" in program.messages
    assert any("1 message is in memory only and ends with" in each for each in program.messages)
