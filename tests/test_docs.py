"""The documentation is true: its examples run, and generated pages are up to date."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
import yaml

from runtime.cli import command as program
from runtime.registry import Registry
from tests.support.blackbox import ROOT, execute
from tests.support.doc_changes import changed
from tests.support.doc_examples import Step, commands, matches, steps
from tests.support.doc_serving import NotInstalled, serve

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *ROOT.glob("examples/*/README.md"),
    ]
)


SERVERS = {"DATABASE_URL": "postgres", "BROKER_URL": "rabbitmq"}
"""The variables with which pages name real servers, and the fixtures that have them."""


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


pages = pytest.mark.parametrize("page", PAGES, ids=name)


def test_the_page_of_kinds_is_fresh() -> None:
    fresh = execute("kinds", "--markdown").out

    assert (ROOT / "docs" / "kinds.md").read_text(encoding="utf-8") == fresh, "run: make docs"


def test_an_older_name_stands_with_the_field_it_means_and_has_no_row() -> None:
    rows = (ROOT / "docs" / "kinds.md").read_text(encoding="utf-8").splitlines()
    (newer,) = [row for row in rows if row.startswith("| `options.cors.max.age`")]

    assert "Also written `cors_max_age`, `max_age`." in newer
    assert [row for row in rows if row.startswith("| `options.cors_max_age`")] == []


def test_the_schema_for_editors_is_fresh() -> None:
    written = (ROOT / "schemas" / "runtime.schema.json").read_text(encoding="utf-8")

    assert written == execute("schema").out, "run: make docs"


@pytest.mark.slow
@pages
def test_what_a_page_shows_is_what_happens(
    page: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if page.parts[-3] == "examples":
        others = shutil.ignore_patterns("data", "tests", "__pycache__")  # tests run elsewhere
        shutil.copytree(page.parent, tmp_path, ignore=others, dirs_exist_ok=True)
    missing = set()
    for step in steps(page):
        try:
            follow(step, tmp_path, f"{name(page)}:{step.line}", addresses(step, request))
        except NotInstalled as program:
            missing.add(f"not installed: {program}")
        except pytest.skip.Exception as why:
            missing.add(str(why))
    for tests in tmp_path.glob("**/tests"):
        env = {**os.environ, "PYTHONPATH": str(tests.parent)}
        run_tests("-q", "tests", cwd=tests.parent, env=env)
    if missing:
        assert "CI" not in os.environ, f"CI must have {missing}"
        pytest.skip(f"{'; '.join(sorted(missing))}; all else was tried")


def run_tests(*options: str, cwd: Path, env: Mapping[str, str]) -> str:
    """The output of pytest, in a process of its own; fails if a test failed."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    done = subprocess.run(
        command, cwd=cwd, env={**env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def addresses(step: Step, request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables with the addresses of the real servers that a step names.

    Skips where a server is not installed.
    """
    text = step.argument + step.text
    return {
        variable: request.getfixturevalue(fixture).url
        for variable, fixture in SERVERS.items()
        if step.action in ("run", "serve") and variable in text
    }


def follow(step: Step, folder: Path, place: str, variables: Mapping[str, str] = {}) -> None:
    """Carry out one step, with these variables."""
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
        case "delete":
            for path in step.argument.split():
                (folder / path).unlink()
        case "change":
            file = folder / step.argument
            text = changed(file.read_text(encoding="utf-8"), step.text)
            file.write_text(text, encoding="utf-8")
        case "run":
            given = dict(each.split("=", 1) for each in step.argument.split())
            env = {**os.environ, **variables, **given}
            for command in commands(step.text):
                if command.words[:3] == ["python", "-m", "pytest"]:
                    said = run_tests(*command.words[3:], cwd=folder, env=env)
                else:
                    assert command.words[0] == "runtime", place
                    ended = execute(*command.words[1:], cwd=folder, env=env)
                    said = ended.out + ended.err
                assert matches(command.expected, said), (place, said)
        case "serve" | "proxy":
            serve(step, folder, place, variables)


@pages
def test_manifests_that_a_page_shows_are_valid(page: Path, tmp_path: Path) -> None:
    """Whole manifests as files; single entries by the schemas of their kinds."""
    right = set()
    for step in steps(page):
        place = f"{name(page)}:{step.line}"
        if step.action == "file":
            follow(step, tmp_path, place)
        if step.language == "yaml" and "namespace:" in step.text:
            assert step.action == "file", f"{place}: say which file this is"
            right.add(Path(step.argument).parts[0])
        elif step.language == "yaml" and step.text.startswith("- name:"):
            for entry in yaml.safe_load(step.text):
                assert Registry().schema(entry["kind"]).problems(entry, {}) == [], place

    for folder in sorted(right):
        ended = execute("validate", folder, "--allow-unset", cwd=tmp_path)
        assert ended.code == 0, ended.out


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


@pages
def test_a_page_installs_by_name_only_what_is_released(page: Path) -> None:
    released = "unreleased" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    installed = re.findall(r"pip install (?:-\S+ )*(\S+)", page.read_text(encoding="utf-8"))

    assert released or not [name for name in installed if name.startswith("manifest-runtime")]


def check_options(words: list[str], place: str) -> None:
    assert isinstance(program, click.Group)
    context = click.Context(program)
    options = {option for parameter in program.params for option in parameter.opts}
    if words and not words[0].startswith("-"):
        sub = program.get_command(context, words[0])
        assert sub is not None, f"{place}: no command {words[0]}"
        while isinstance(sub, click.Group) and words[1:]:
            words = words[1:]
            sub = sub.get_command(context, words[0])
            assert sub is not None, f"{place}: no command {words[0]}"
        options |= {option for parameter in sub.params for option in parameter.opts}
        options |= {"-h", "--help"}
        if not sub.context_settings.get("allow_interspersed_args", True):
            # the words behind the first argument are not its own
            own = click.Context(sub, allow_interspersed_args=False)
            arguments = sub.make_parser(own).parse_args(words[1:])[0]["arguments"]
            if isinstance(arguments, tuple):
                words = words[: len(words) - len(arguments)]
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
    """The anchors that renderers give to a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}
