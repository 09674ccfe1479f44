"""The package installed beside the runtime, as its users have it: found by its entry point."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.blackbox import execute
from tests.support.nats_server import NatsServer
from tests.support.program import running, write_application

PACKAGE = Path(__file__).parents[1]
MANIFEST = """
namespace: app
entries:
  - {name: queues, kind: queue.driver.nats, url: "nats://me:hunter2@127.0.0.1:PORT", lease: 2s}
  - {name: tasks, kind: queue.queue, driver: queues, retry: {initial_delay: 10ms}}
  - {name: work, kind: function.python, source: file://work.py, modules: [logger, queue]}
  - {name: worker, kind: queue.consumer, queue: tasks, func: work, lifecycle: {auto_start: true}}
  - name: start
    kind: process.python
    source: file://start.py
    modules: [queue, process]
  - {name: once, kind: process.service, process: start, host: host, lifecycle: {auto_start: true}}
  - {name: host, kind: process.host}
"""
START = """
from runtime.modules import process, queue
from runtime.service import Unavailable


async def main():
    number = 0
    while not await process.stopping(timeout=0.02):
        try:
            await queue.publish("tasks", {"number": number})
        except Unavailable:
            continue
        number += 1
"""
WORK = """
from runtime.modules import logger, queue


async def main(body):
    if queue.message().attempt == 1:
        raise ValueError("again")
    logger.info("done", number=body["number"])
"""


@pytest.fixture
def installed(tmp_path: Path) -> Mapping[str, str]:
    """The environment of a program that has the package, with what pip writes for its project."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folder = tmp_path / "site" / "runtime_nats-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [f"[{group}]" for group in project["entry-points"]]
    for points in project["entry-points"].values():
        lines += [f"{name} = {place}" for name, place in points.items()]
    (folder / "entry_points.txt").write_text("\n".join(lines))
    return {**os.environ, "PYTHONPATH": f"{folder.parent}{os.pathsep}{PACKAGE}"}


def an_application(folder: Path, port: int) -> Path:
    manifest = MANIFEST.replace("PORT", str(port))
    return write_application(folder / "app", manifest, **{"start.py": START, "work.py": WORK})


def test_the_kind_is_there_once_its_package_is(installed: Mapping[str, str]) -> None:
    assert "queue.driver.nats" in execute("kinds", env=dict(installed)).out
    assert "queue.driver.nats" not in execute("kinds").out


def test_what_it_cannot_do_is_refused_before_the_start(
    installed: Mapping[str, str], tmp_path: Path
) -> None:
    folder = an_application(tmp_path, 4222)
    (folder / "start.py").write_text(START.replace("number})", 'number}, unique="k")'))
    ended = execute("validate", str(folder), env=dict(installed))

    assert ended.code == 3
    assert "JetStream cannot tell a key that waits from one that runs" in ended.out


@pytest.mark.slow
def test_what_is_published_is_done_though_handlers_fail_and_the_server_is_killed(
    installed: Mapping[str, str], tmp_path: Path, server: NatsServer
) -> None:
    folder = an_application(tmp_path, server.port)
    with running(folder, env=dict(installed)) as program:
        program.wait_for(lambda line: line.get("fields") == {"number": 9})
        server.kill()
        program.wait_for(lambda line: "connection to the server is lost" in str(line))
        server.start()
        for number in range(100):
            program.wait_for(lambda line, n=number: line.get("fields") == {"number": n})

        assert program.stop() == 0
        assert "hunter2" not in program.stderr
