"""The documentation is true: what it shows is run, and what is generated is fresh."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from runtime.cli import command as program
from tests.blackbox import ROOT, eventually, execute, running
from tests.pages import Command, Step, commands, matches, steps

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *ROOT.glob("examples/*/README.md"),
    ]
)
FREE_PORT = "app:gateway:addr=127.0.0.1:0"


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


pages = pytest.mark.parametrize("page", PAGES, ids=name)


def test_the_page_of_kinds_is_fresh() -> None:
    fresh = execute("kinds", "--markdown").out

    assert (ROOT / "docs" / "kinds.md").read_text(encoding="utf-8") == fresh, "run: make docs"


def test_the_schema_for_editors_is_fresh() -> None:
    written = (ROOT / "schemas" / "runtime.schema.json").read_text(encoding="utf-8")

    assert written == execute("schema").out, "run: make docs"


@pages
def test_what_a_page_shows_is_what_happens(page: Path, tmp_path: Path) -> None:
    if page.parts[-3] == "examples":
        shutil.copytree(page.parent / "src", tmp_path / "src")
    for step in steps(page):
        follow(step, tmp_path, f"{name(page)}:{step.line}")
    for tests in tmp_path.glob("**/tests"):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
            cwd=tests.parent,
            env={**os.environ, "PYTHONPATH": str(tests.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def follow(step: Step, folder: Path, place: str) -> None:
    """Do what a step says."""
    match step.action:
        case "file":
            file = folder / step.argument
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.text, encoding="utf-8")
        case "append":
            with (folder / step.argument).open("a", encoding="utf-8") as opened:
                opened.write(f"\n{step.text}")
        case "edit":
            path, old, new = (part.strip() for part in step.argument.split(" | "))
            text = (folder / path).read_text(encoding="utf-8")
            assert old in text, place
            (folder / path).write_text(text.replace(old, new), encoding="utf-8")
        case "run":
            for command in commands(step.text):
                assert command.words[0] == "runtime", place
                ended = execute(*command.words[1:], cwd=folder)
                assert matches(command.expected, ended.out + ended.err), (place, ended)
        case "serve":
            with running(folder / step.argument, FREE_PORT) as site:
                for command in commands(step.text):
                    ask(command, site.program.port, place)
                assert site.stop() == 0, place


def ask(command: Command, port: int, place: str) -> None:
    """Run a line of curl; what a consumer must have done first may take a moment."""
    words = [word.replace("localhost:8080", f"127.0.0.1:{port}") for word in command.words]

    def answered() -> bool:
        done = subprocess.run(
            [words[0], "-s", "-w", "\n# %{http_code}", *words[1:]],
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(done.stdout)
        return matches(expected, done.stdout)

    answers: list[str] = []
    expected = re.sub(r"^(# \d+) .*", r"\1", command.expected, flags=re.MULTILINE)
    try:
        if "POST" in words:
            assert answered()
        else:
            eventually(answered)
    except AssertionError:
        pytest.fail(f"{place}: expected\n{expected}\nbut got\n{answers[-1]}")


@pages
def test_python_compiles_and_commands_exist(page: Path) -> None:
    for step in steps(page):
        place = f"{name(page)}:{step.line}"
        if step.language == "python":
            compile(step.text, place, "exec")
        if step.language == "console":
            for command in commands(step.text):
                if command.words[:1] == ["runtime"]:
                    check_options(command.words[1:], place)


def check_options(words: list[str], place: str) -> None:
    assert isinstance(program, click.Group)
    context = click.Context(program)
    options = {option for parameter in program.params for option in parameter.opts}
    if words and not words[0].startswith("-"):
        sub = program.get_command(context, words[0])
        assert sub is not None, f"{place}: no command {words[0]}"
        options |= {option for parameter in sub.params for option in parameter.opts}
        options |= {"-h", "--help"}
    used = {word for word in words if word.startswith("-")}
    assert used <= options, f"{place}: no option {used - options}"


@pages
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name(page)}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{name(page)}: {target}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are usually made."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}
