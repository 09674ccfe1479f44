"""Wrong manifests, and the findings about each.

A case is a file in `manifests/`. Its last comment lines are the findings it must give, all of
them, in order: `# line:column message; hint`. A finding in another file begins with its name.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from runtime.findings.finding import ManifestError
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry

CASES = Path(__file__).parents[1] / "support" / "manifests"


def findings(folder: Path) -> list[str]:
    """The findings of an application, each with its place relative to the folder."""
    try:
        link(read(folder, environment={"SET": "value"}), Registry())
    except ManifestError as error:
        shown = os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else str(folder)
        texts = [str(finding).replace(f"{shown}/", "") for finding in error.findings]
        return [text.removeprefix("_index.yaml:").replace(": ", " ", 1) for text in texts]
    return []


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda case: case.stem)
def test_a_wrong_manifest_gives_its_findings(case: Path, tmp_path: Path) -> None:
    text = case.read_text(encoding="utf-8")
    manifest, _, expected = text.partition("# expect\n")
    (tmp_path / "_index.yaml").write_text(manifest, encoding="utf-8")
    shutil.copytree(CASES / "handlers", tmp_path / "handlers")
    (tmp_path / "handlers" / "broken.py.txt").rename(tmp_path / "handlers" / "broken.py")

    found = findings(tmp_path)

    assert found == [line.removeprefix("# ") for line in expected.splitlines()]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"namespace: caf\xe9\n", "1:15 not UTF-8 text; save the file as UTF-8"),
        (b"a: \x00\n", "1:4 a character that YAML does not allow; remove it"),
        (b"", "1:1 the file is empty; write 'namespace' and 'entries'"),
        (b"x" * (8 * 1024 * 1024 + 1), "1:1 larger than 8 MiB; split it into several folders"),
    ],
    ids=["latin-1", "nul", "empty", "large"],
)
def test_what_is_no_text_is_one_finding(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_bytes(data)

    assert findings(tmp_path) == [said]


def test_the_findings_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "_index.yaml").write_text(
            f"namespace: {name}\nentries:\n  - {{name: x, kind: nothing}}\n"
        )

    assert [text.partition(" ")[0] for text in findings(tmp_path)] == [
        "a/_index.yaml:3:21",
        "b/_index.yaml:3:21",
    ]


def test_an_id_that_two_files_declare_names_both_places(tmp_path: Path) -> None:
    entry = "namespace: app\nentries:\n  - {name: x, kind: registry.entry}\n"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "_index.yaml").write_text(entry)

    (told,) = findings(tmp_path)

    assert told.startswith("b/_index.yaml:3:12 'app:x' is declared twice; the first is at ")
    assert told.endswith("a/_index.yaml:3:12")


@pytest.mark.parametrize(
    "folder", [".hidden", "node_modules", "__pycache__", "env"], ids=lambda name: name
)
def test_folders_that_hold_other_peoples_files_are_skipped(folder: str, tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text("namespace: app\nentries: []\n")
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "_index.yaml").write_text("nonsense")
    (tmp_path / "env" / "pyvenv.cfg").parent.mkdir(exist_ok=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text("")

    assert findings(tmp_path) == []


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yaml").write_text("namespace: app\nentries: []\n")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "_index.yaml").symlink_to(tmp_path / "elsewhere.yaml")

    (told,) = findings(tmp_path / "app")

    assert "leads out of the application's folder" in told


def test_a_folder_without_a_manifest_is_an_error(tmp_path: Path) -> None:
    (told,) = findings(tmp_path)

    assert "no _index.yaml here or in any folder below" in told
