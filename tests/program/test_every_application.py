"""Promises to every application: exit codes, findings, overrides, failures, order."""

from __future__ import annotations

import shutil
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.blackbox import APPS, EXAMPLE, FREE_PORT, execute, running, write_files

pytestmark = pytest.mark.slow

APPLICATIONS = [APPS / "hello", APPS / "orders", EXAMPLE]


def names(folder: Path) -> str:
    return folder.name


@pytest.fixture
def application(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / request.param.name
    shutil.copytree(request.param, folder, ignore=shutil.ignore_patterns("data", "__pycache__"))
    return folder


every_application = pytest.mark.parametrize("application", APPLICATIONS, indirect=True, ids=names)


@every_application
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_zero(application: Path, number: int) -> None:
    with running(application, FREE_PORT) as site:
        site.signal(number)

        assert site.wait() == 0
        assert "Traceback" not in site.program.stderr


@every_application
def test_a_taken_port_is_one_clear_line(application: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        override = f"app:gateway:addr=127.0.0.1:{port}"
        ended = execute("run", str(application), "-o", override, "--log-format", "console")

    errors = [line for line in ended.err.splitlines() if " error " in line]
    assert ended.code == 4
    assert len(errors) == 1, ended.err
    assert f"127.0.0.1:{port}" in errors[0]
    assert "in use" in errors[0]
    assert "Traceback" not in ended.err


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    slow = write_files(
        tmp_path,
        {
            "_index.yaml": (APPS / "hello" / "_index.yaml").read_text(),
            "hello.py": """
                import asyncio
                from runtime.modules import logger

                async def handler():
                    logger.info("in hand")
                    await asyncio.sleep(60)
            """,
        },
    )
    manifest = slow / "_index.yaml"
    manifest.write_text(manifest.read_text().replace("- http\n", "- http\n      - logger\n"))
    patient = "app:gateway:lifecycle.stop_timeout=1h"
    with (
        running(slow, FREE_PORT, patient) as site,
        socket.create_connection(("127.0.0.1", site.port)) as s,
    ):
        s.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        site.line("in hand")
        site.signal(signal.SIGTERM)
        site.line("^stopping")
        site.signal(signal.SIGTERM)

        assert site.wait() == 6


@dataclass(frozen=True, slots=True)
class Mistake:
    """A piece of the example's manifest, the mistake in its place, and the finding."""

    right: str
    wrong: str
    said: str
    marked: str = ""
    """The text that the excerpt underlines, if not the last word of `wrong`."""


MISTAKES = {
    "field": Mistake(
        "concurrency: 2",
        "concurency: 2",
        "unknown field 'concurency'; did you mean 'concurrency'?",
        "concurency",
    ),
    "kind": Mistake(
        "kind: queue.driver.memory",
        "kind: queue.driver.memry",
        "unknown kind 'queue.driver.memry'; did you mean 'queue.driver.memory'?",
    ),
    "reference": Mistake(
        "func: app:list_tasks",
        "func: app:list_task",
        "no entry 'app:list_task'; did you mean 'app:list_tasks'?",
    ),
    "kind of a reference": Mistake(
        "server: app:gateway",
        "server: app:db",
        "'app:db' is of kind db.sql.sqlite, not http.service",
    ),
    "duplicate": Mistake(
        "- name: list_tasks\n",
        "- name: create_task\n",
        "'app:create_task' is declared twice; the first is at ",
        "create_task",
    ),
    "file": Mistake(
        "source: file://list_tasks.py",
        "source: file://list_taks.py",
        "no file 'list_taks.py'; did you mean 'list_tasks.py'?",
    ),
    "cycle": Mistake(
        "requires:\n        - app:db",
        "requires:\n        - app:migrate-service",
        "a circular reference: app:migrate-service → app:migrate-service",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place_and_nothing_is_started(
    tmp_path: Path, mistake: Mistake
) -> None:
    shutil.copytree(EXAMPLE / "src", tmp_path / "src")
    manifest = tmp_path / "src" / "_index.yaml"
    text = manifest.read_text(encoding="utf-8")
    assert text.count(mistake.right) == 1
    text = text.replace(mistake.right, mistake.wrong)
    manifest.write_text(text, encoding="utf-8")
    marked = mistake.marked or mistake.wrong.rpartition(" ")[2]
    index = text.rindex(mistake.wrong) + mistake.wrong.index(marked)
    line, column = text.count("\n", 0, index) + 1, index - text.rindex("\n", 0, index)

    ended = execute("run", str(tmp_path))

    assert ended.code == 3
    assert f"{manifest}:{line}:{column}: {mistake.said}" in ended.err
    assert f"\n      | {' ' * (column - 1)}{'^' * len(marked)}\n" in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "data").exists()


def test_an_override_changes_what_the_file_says(tmp_path: Path) -> None:
    options = (FREE_PORT, "app:hello.endpoint:path=/moved", "app:api:prefix=/v1")
    with running(APPS / "hello", *options) as site:
        assert site.ask("GET", "/v1/moved").status == 200
        assert site.ask("GET", "/hello").status == 404


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("app:gatway:addr=:1", "did you mean 'app:gateway'?"),
        ("app:gateway:adr=:1", "did you mean 'addr'?"),
        ("app:gateway:addr=nowhere", "addr"),
        ("app:gateway:max_body=lots", "max_body"),
        ("app:hello:kind=process.python", "process.python"),
    ],
)
def test_a_wrong_override_is_a_finding(override: str, said: str) -> None:
    ended = execute("run", str(APPS / "hello"), "-o", override)

    assert ended.code == 3
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("override", ["", "app", "app:gateway", "app:gateway:addr", "=", ":::="])
def test_an_override_of_another_form_is_wrong_usage(override: str) -> None:
    ended = execute("run", str(APPS / "hello"), "-o", override)

    assert ended.code == 2
    assert "Traceback" not in ended.err


def test_a_handler_that_raises_keeps_its_reasons_to_the_log(tmp_path: Path) -> None:
    handler = "async def handler():\n    raise ValueError('the password is tiger')\n"
    shutil.copytree(APPS / "hello", tmp_path / "app")
    (tmp_path / "app" / "hello.py").write_text(handler)
    with running(tmp_path / "app", FREE_PORT) as site:
        reply = site.ask("GET", "/hello", headers={"X-Request-ID": "mine-1"})
        other = site.ask("GET", "/hello")
        site.program.wait_for(lambda line: line.get("request_id") == other.json["request_id"])
        (line,) = [line for line in site.program.log if line.get("request_id") == "mine-1"]

        assert reply.status == 500
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.headers["x-request-id"] == reply.json["request_id"] == "mine-1"
        assert b"tiger" not in reply.body
        assert b"ValueError" not in reply.body
        assert line["level"] == "error"
        assert line["entry"] == "app:hello"
        assert line["error"]["type"] == "ValueError"
        assert "hello.py" in line["error"]["stack"]
        assert "the password is tiger" in line["error"]["stack"]
        assert other.headers["x-request-id"] == other.json["request_id"]


def test_it_starts_by_need_and_stops_in_the_reverse(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "src", tmp_path / "src")
    with running(tmp_path, FREE_PORT) as site:
        assert site.stop() == 0

        started = [line["entry"] for line in site.lines("^app:.* (is running|has ended)")]
        stopped = [line["entry"] for line in site.lines("^app:.* has stopped")]
        resources = {"app:db", "app:queue_driver", "app:processes"}
        assert set(started[:3]) == resources
        assert started[3:] == [
            "app:migrate-service",
            "app:task_consumer",
            "app:gateway",
        ]
        assert stopped[:2] == ["app:gateway", "app:task_consumer"]
        assert {*stopped[-3:]} == resources
