"""`runtime run` from start to exit: its output and its exit codes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.blackbox import EXAMPLE, execute
from tests.support.program import running, write_application

HOST = "  - {name: host, kind: process.host, lifecycle: {auto_start: true}}\n"


def process(name: str = "main", type: str = "simple", lifecycle: str = "auto_start: true") -> str:
    return f"""
  - {{name: {name}, kind: process.python, source: file://{name}.py, modules: [logger, registry]}}
  - name: {name}-service
    kind: process.service
    process: {name}
    host: host
    type: {type}
    lifecycle: {{{lifecycle}}}
"""


def manifest(*entries: str) -> str:
    return f"namespace: app\nentries:\n{HOST}{''.join(entries)}"


def test_a_folder_that_is_not_there_is_wrong_usage() -> None:
    ended = execute("run", "no/such/folder")
    assert ended.code == 2
    assert "no/such/folder" in ended.err


def test_a_folder_without_a_manifest_has_a_finding(tmp_path: Path) -> None:
    ended = execute("run", str(tmp_path))

    assert ended.code == 3
    assert "no _index.yaml here or in any folder below" in ended.err


def test_an_unknown_command_and_option_are_wrong_usage() -> None:
    assert execute("rum").code == 2
    assert "did you mean 'run'?" in execute("rum").err
    assert execute("run", "--nothing").code == 2


@pytest.mark.parametrize(
    ("source", "where", "said"),
    [
        ("import requestz\n", "main.py:1", "install what provides 'requestz'"),
        ("\n1 / 0\nasync def main(): pass\n", "main.py:2", "ZeroDivisionError"),
        ("import rules\ndef main(): pass\n", "main.py:1", "write 'from .rules import"),
        ("import sys\nsys.exit(3)\ndef main(): pass\n", "main.py:2", "SystemExit"),
    ],
    ids=["missing", "raises", "sibling", "exits"],
)
def test_a_handler_that_fails_at_import_is_4_with_its_line(
    source: str, where: str, said: str, tmp_path: Path
) -> None:
    if "def main" not in source:
        source += "def main(): pass\n"
    files = {"main.py": source, "rules.py": ""}
    write_application(tmp_path, manifest(process()), **files)

    ended = execute("run", str(tmp_path), "--log-format", "console")

    assert ended.code == 4
    (line,) = ended.err.splitlines()
    assert where in line
    assert said in line


def test_a_oneshot_that_fails_stops_what_was_started(tmp_path: Path) -> None:
    write_application(
        tmp_path, manifest(process(type="oneshot")), **{"main.py": "def main():\n    return 1\n"}
    )

    ended = execute("run", str(tmp_path), "--log-format", "console")

    assert ended.code == 4
    assert "app:main-service could not start: it ended with exit code 1" in ended.err
    assert "app:host has stopped" in ended.err
    assert "Traceback" not in ended.err


def test_a_oneshot_says_once_that_it_is_over(tmp_path: Path) -> None:
    files = {"main.py": "def main():\n    return 0\n"}
    write_application(tmp_path, manifest(process(type="oneshot")), **files)
    with running(tmp_path) as program:
        assert program.stop() == 0

        said = [text for text in program.messages if text.startswith("app:main-service")]
        assert len(said) == 1
        assert said[0].startswith("app:main-service has ended")


@pytest.mark.parametrize("result", ["True", "False", "3", "'done'", "[]"])
def test_what_is_no_zero_fails_for_good_and_the_rest_runs_on(result: str, tmp_path: Path) -> None:
    lifecycle = "auto_start: true, restart: {max_attempts: 2, initial_delay: 10ms}"
    files = {"main.py": f"def main():\n    return {result}\n"}
    write_application(tmp_path, manifest(process(lifecycle=lifecycle)), **files)
    with running(tmp_path, ready=False) as program:
        program.wait_for("app:main-service failed for good after 2 attempts")

        assert program.stop() == 5
        assert "app:host has stopped" in program.stderr


def test_a_process_that_raises_is_told_with_its_traceback_from_the_handler_on(
    tmp_path: Path,
) -> None:
    files = {"main.py": "async def main():\n    raise KeyError('gone')\n"}
    write_application(tmp_path, manifest(process()), **files)
    with running(tmp_path, ready=False) as program:
        line = program.wait_for(lambda line: "error" in line)

        assert line["entry"] == "app:main-service"
        assert line["error"]["type"] == "KeyError"
        frames = [part for part in line["error"]["stack"].splitlines() if "File " in part]
        assert "main.py" in frames[0]


def test_the_input_of_a_service_is_what_its_process_is_called_with(tmp_path: Path) -> None:
    entry = process().replace("    host: host\n", "    host: host\n    input: [1, two, {a: 3}]\n")
    files = {"main.py": "def main(*all):\n    print(all, flush=True)\n"}
    write_application(tmp_path, manifest(entry), **files)
    with running(tmp_path) as program:
        program.wait_for_output("(1, 'two', {'a': 3})")


def test_notify_is_ready_when_it_says_so(tmp_path: Path) -> None:
    entry = process(type="notify").replace("logger, registry", "process")
    source = """
from runtime.modules import process
async def main():
    print("warm", flush=True)
    process.ready()
    await process.stopping()
"""
    write_application(tmp_path, manifest(entry), **{"main.py": source})
    with running(tmp_path) as program:
        program.wait_for_output("warm")
        assert program.stop() == 0


def test_a_host_has_no_place_beyond_its_limit(tmp_path: Path) -> None:
    text = manifest(
        process("one"), process("two", lifecycle="auto_start: true, start_timeout: 200ms")
    ).replace("kind: process.host", "kind: process.host, max_processes: 1")
    source = "import asyncio\nasync def main():\n    await asyncio.sleep(60)\n"
    write_application(tmp_path, text, **{"one.py": source, "two.py": source})

    ended = execute("run", str(tmp_path), "--log-format", "console")

    assert ended.code == 4
    assert "has no slot for another process (max_processes: 1)" in ended.err


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("[]", "the manifest declares no server, consumer or process"),
        (
            "[{name: db, kind: db.sql.sqlite, file: a.db}]",
            "the manifest declares no server, consumer or process",
        ),
        (
            "[{name: web, kind: http.service, addr: ':0'}]",
            "no entry has 'lifecycle: {auto_start: true}'; there are: app:web",
        ),
        (
            "[{name: web, kind: http.service, addr: ':0', lifecycle: {auto_start: false}}]",
            "no entry has 'lifecycle: {auto_start: true}'; there are: app:web",
        ),
    ],
)
@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=["one", "workers"])
def test_an_application_that_runs_nothing_ends_with_4(
    entries: str, said: str, options: list[str], tmp_path: Path
) -> None:
    write_application(tmp_path, f"namespace: app\nentries: {entries}\n")

    ended = execute("run", str(tmp_path), *options, "--log-format", "console")

    assert ended.code == 4
    assert f"nothing runs: {said}" in ended.err
    assert not (tmp_path / "a.db").exists()


def test_secrets_from_the_environment_are_in_no_output(tmp_path: Path) -> None:
    entry = "  - {name: secret, kind: registry.entry, key: '${secret:CANARY}'}\n"
    source = """
from runtime.modules import logger, registry
def main():
    key = registry.get("secret")["key"]
    assert key == "tweet-tweet-4711"
    logger.info("the key is " + key, key=key, nested=[key])
    raise ValueError(key)
"""
    write_application(tmp_path, manifest(entry, process()), **{"main.py": source})
    with running(tmp_path, ready=False, env={"CANARY": "tweet-tweet-4711"}) as program:
        program.wait_for(lambda line: "error" in line)
        program.stop()

        assert "the key is [hidden]" in program.stderr
        assert "4711" not in program.stderr
    for command in (["list"], ["show", "secret"], ["graph"], ["validate"]):
        ended = execute(*command, str(tmp_path), env={**os.environ, "CANARY": "tweet-tweet-4711"})
        assert ended.code == 0, ended
        assert "4711" not in ended.out + ended.err


def test_the_example_says_what_it_does_from_start_to_end(tmp_path: Path) -> None:
    with running(
        EXAMPLE, "-o", "app:gateway:addr=127.0.0.1:0", "-o", f"app:db:file={tmp_path}/tasks.db"
    ) as program:
        assert program.stop() == 0

        said = program.messages
        assert any(text.startswith("ready in ") and "http://127.0.0.1:" in text for text in said)
        assert said[-1].startswith("stopped in ")
        assert all(set(line) >= {"time", "level", "logger", "message"} for line in program.log)


def test_garbage_is_looked_for_once_it_runs_but_not_in_what_was_there_before(
    tmp_path: Path,
) -> None:
    source = """
import gc
def main():
    print("looking:", gc.isenabled(), "frozen:", gc.get_freeze_count() > 10_000, flush=True)
"""
    write_application(tmp_path, manifest(process(type="oneshot")), **{"main.py": source})
    with running(tmp_path) as program:
        program.wait_for_output("looking: True frozen: True")


def test_a_fault_of_the_environment_is_ignored_and_told_outside_of_tests(tmp_path: Path) -> None:
    text = manifest("  - {name: db, kind: db.sql.sqlite, file: x.db}\n", process())
    folder = write_application(tmp_path, text, **{"main.py": "def main(): pass\n"})
    env = {"RUNTIME_FAULT": "sqlite.execute:1-99999=SQLITE_FULL"}

    with running(folder, env=env) as program:
        program.wait_for("RUNTIME_FAULT is ignored")
        assert program.stop() == 0
