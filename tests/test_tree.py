"""What git holds is this project's own: no links to a machine, and nothing that is made."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.blackbox import ROOT

FILES = ("100644", "100755")
"""Modes of files, as `git ls-files --stage` writes them. 120000 is a link, 160000 a repository."""


def git(*arguments: str) -> list[str]:
    output = subprocess.check_output(["git", *arguments, "-z"], cwd=ROOT, text=True)
    return [name for name in output.split("\0") if name]


def test_git_holds_files_only() -> None:
    stages = git("ls-files", "--stage")
    assert len(stages) > 1000
    assert [stage for stage in stages if not stage.startswith(FILES)] == []


def test_git_holds_nothing_that_it_ignores() -> None:
    assert git("ls-files", "--cached", "--ignored", "--exclude-standard") == []


@pytest.mark.parametrize("made", [".venv", ".venv-3.13", "dist", "build"])
def test_what_is_made_is_ignored_as_a_link_too(made: str) -> None:
    ignored = ["git", "check-ignore", "--no-index", "--quiet", made]
    assert subprocess.run(ignored, cwd=ROOT, check=False).returncode == 0
