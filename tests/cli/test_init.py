"""runtime init: applications that run, on which terms, and what is asked."""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from runtime.cli.blueprint import PARTS
from tests.support.blackbox import FREE_PORT, execute, running
from tests.support.terminal import TerminalProgram, on_a_terminal

APPLICATION = {
    ".gitignore",
    "README.md",
    "runtime.schema.json",
    "src/_index.yaml",
    "src/greet.py",
    "src/say.py",
}
TESTS = {"tests/conftest.py", "tests/test_greetings.py"}


def made(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def init(folder: Path, *options: str) -> Path:
    ended = execute("init", str(folder), *options)
    assert ended.code == 0, ended.err
    return folder


def test_init_changes_nothing_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")

    ended = execute("init", str(tmp_path))

    assert ended.code == 2
    assert (tmp_path / "README.md").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_init_prints_commands_that_a_shell_takes(tmp_path: Path) -> None:
    folder = str(tmp_path / "my app's" / "$x")

    ended = execute("init", folder)

    told = ended.out.rpartition("\n\n")[2].splitlines()
    commands = dict(line.split(":", 1) for line in told)
    assert ended.code == 0
    assert {what: shlex.split(command) for what, command in commands.items()} == {
        "Work on it": ["runtime", "dev", folder],
        "Test it": ["pytest", folder],
        "Run it": ["runtime", "run", folder],
    }


@pytest.mark.parametrize("queue", ["memory", "durable"])
def test_an_application_runs_with_either_queue(tmp_path: Path, queue: str) -> None:
    folder = init(tmp_path / "hello", "--queue", queue)

    assert execute("validate", str(folder)).code == 0
    with running(folder, FREE_PORT) as site:
        assert site.ask("POST", "/greetings", {"name": "world"}).status == 202
        site.line("hello")
        assert site.stop() == 0
    assert (folder / "data" / "greetings.db").exists() == (queue == "durable")


def test_what_is_not_given_is_the_default_where_nobody_can_be_asked(tmp_path: Path) -> None:
    assert made(init(tmp_path / "hello")) == APPLICATION | TESTS
    assert "queue.driver.memory" in (tmp_path / "hello/src/_index.yaml").read_text()


def test_tests_can_be_left_out(tmp_path: Path) -> None:
    folder = init(tmp_path / "hello", "--no-tests", "--with", "vscode")

    assert made(folder) & TESTS == set()
    for path in made(folder) - {"runtime.schema.json"}:
        assert "pytest " not in (folder / path).read_text(), path


def test_both_editors_find_the_schema(tmp_path: Path) -> None:
    folder = init(tmp_path / "hello")
    lines = (folder / "src/_index.yaml").read_text().splitlines()

    assert lines[0] == "# yaml-language-server: $schema=../runtime.schema.json"
    assert lines[1] == "# $schema: ../runtime.schema.json"


def asking(folder: Path, *options: str) -> AbstractContextManager[TerminalProgram]:
    return on_a_terminal(folder, *options, command="init", ready=False)


def test_on_a_terminal_it_asks(tmp_path: Path) -> None:
    folder = tmp_path / "hello"
    with asking(folder) as program:
        program.wait_for("database file?")
        program.type("durable\n")
        program.wait_for("Write tests?")
        program.type("n\n")
        program.wait_for("Files for some of docker, systemd, compose, k8s, vscode")
        program.type("vscod\n")
        program.wait_for("did you mean 'vscode'?")
        program.type("vscode\n")
        assert program.wait() == 0
    assert made(folder) - APPLICATION == {
        ".vscode/extensions.json",
        ".vscode/settings.json",
        ".vscode/tasks.json",
    }
    assert "queue.driver.sql" in (folder / "src/_index.yaml").read_text()


@pytest.mark.parametrize(
    "options", [("--yes",), ("--queue", "memory", "--tests", "--with", "")], ids=["yes", "given"]
)
def test_what_was_given_is_not_asked(tmp_path: Path, options: tuple[str, ...]) -> None:
    with asking(tmp_path / "hello", *options) as program:
        assert program.wait() == 0
        assert program.shown == ""
    assert made(tmp_path / "hello") == APPLICATION | TESTS


def test_no_placeholder_is_left(tmp_path: Path) -> None:
    folder = init(tmp_path / "hello", "--with", ",".join(PARTS), "--queue", "durable")

    for path in made(folder):
        for word in (folder / path).read_text().split():
            assert word.count("@") < 2, f"{path}: {word}"


def test_parts_are_added_to_an_application(tmp_path: Path) -> None:
    folder = init(tmp_path / "hello")
    before = {path: (folder / path).read_text() for path in made(folder)}
    (folder / "Dockerfile").write_text("FROM scratch\n")

    init(folder, "--with", "compose")

    assert made(folder) - {*before} == {
        "Dockerfile",
        ".dockerignore",
        "compose.yaml",
        "requirements.txt",
    }
    assert (folder / "Dockerfile").read_text() == "FROM scratch\n"
    assert {path: (folder / path).read_text() for path in before} == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--with adds to it"),
        (("--queue", "durable"), "which --queue and --tests do not change"),
        (("--with", "docker"), "there is already"),
        (("--with", "dockr"), "did you mean 'docker'?"),
    ],
)
def test_in_an_application_nothing_is_changed(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    folder = init(tmp_path / "hello", "--with", "docker")
    before = {path: (folder / path).read_text() for path in made(folder)}

    ended = execute("init", str(folder), *options)

    assert ended.code == 2
    assert told in ended.err
    assert {path: (folder / path).read_text() for path in made(folder)} == before


def test_a_broken_application_gets_its_findings_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text("namespace: app\nentries: [{name: a, kind: nope}]\n")

    ended = execute("init", str(tmp_path), "--with", "docker")

    assert ended.code == 3
    assert "unknown kind 'nope'" in ended.err
    assert made(tmp_path) == {"_index.yaml"}
