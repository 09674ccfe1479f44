"""The tutorial ends at a part of the example that it leads to."""

from __future__ import annotations

from pathlib import Path

from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import ROOT
from tests.support.doc_examples import steps
from tests.test_docs import follow

KEY = {"NOTES_KEY": "a key of more than thirty-two bytes"}


def kinds(folder: Path) -> dict[str, str]:
    linked = link(read(folder, environment=KEY), Registry())
    return {id.name: link.kind.name for id, link in linked.links.items()}


def test_what_the_tutorial_builds_is_a_part_of_the_example(tmp_path: Path) -> None:
    page = ROOT / "docs" / "tutorial.md"
    for step in steps(page):
        if step.action in ("file", "append", "edit", "change"):
            follow(step, tmp_path, f"docs/tutorial.md:{step.line}")
    ours, theirs = kinds(tmp_path / "notes"), kinds(ROOT / "examples" / "notes-api")

    assert len(ours) == 15
    assert ours.items() <= theirs.items()
