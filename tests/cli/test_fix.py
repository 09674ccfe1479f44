"""`validate --fix`: the lists of modules, written as the code wants them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runtime.cli.fix import fix
from runtime.findings.finding import Finding, ManifestError
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import execute, write_files

MANIFEST = """\
# the application
namespace: app

entries:
  - name: f          # a function
    kind: function.python
    source: file://h.py
    modules:
      - http         # the web
      - quue
      - time

  - {name: g, kind: function.python, source: "file://h.py", method: g}
  - name: h
    kind: function.python
    source: "file://h.py"
    modules: [ 'http' ]
"""
FIXED = MANIFEST.replace("quue", "queue").replace("[ 'http' ]", "[ 'http', queue ]")
HANDLERS = "from runtime.modules import http, queue\ndef main(): pass\ndef g(): pass\n"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    write_files(tmp_path, {"h.py": HANDLERS})
    path = tmp_path / "_index.yaml"
    path.write_text(MANIFEST)
    return path


def found(folder: Path) -> list[Finding]:
    try:
        return [*link(read(folder, environment={}), Registry()).notes]
    except ManifestError as error:
        return [*error.findings]


def test_the_lists_are_mended_and_all_else_stays(manifest: Path) -> None:
    ended = execute("validate", "--fix", manifest.parent.name, cwd=manifest.parent.parent)

    assert manifest.read_text() == FIXED
    name = f"{manifest.parent.name}/_index.yaml"
    assert ended.err.splitlines() == [
        f"{name}:9:7: modules of 'app:f': added queue, removed quue",
        f"{name}:17:14: modules of 'app:h': added queue",
    ]
    assert ended.code == 0
    again = execute("validate", "--fix", str(manifest.parent))
    assert again.err == ""


def test_the_findings_that_are_left_are_data(manifest: Path) -> None:
    manifest.write_text(MANIFEST + "  - {name: x, kind: nothing}\n")

    ended = execute("validate", "--fix", "--json", str(manifest.parent))

    assert ended.code == 3
    assert [each["message"] for each in json.loads(ended.out)] == ["unknown kind 'nothing'"]
    assert "queue" in ended.err


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends_a_mark_a_mode_and_a_link_stay(newline: str, manifest: Path) -> None:
    real = manifest.parent / "real.yaml"
    real.write_bytes(b"\xef\xbb\xbf" + MANIFEST.replace("\n", newline).encode())
    real.chmod(0o640)
    manifest.unlink()
    manifest.symlink_to("real.yaml")

    assert len([*fix(found(manifest.parent))]) == 2
    assert real.read_bytes() == b"\xef\xbb\xbf" + FIXED.replace("\n", newline).encode()
    assert real.stat().st_mode & 0o777 == 0o640
    assert manifest.is_symlink()
    assert sorted(os.listdir(manifest.parent)) == ["_index.yaml", "h.py", "real.yaml"]


def test_a_file_that_is_read_only_is_told(manifest: Path) -> None:
    manifest.chmod(0o444)

    (line,) = fix(found(manifest.parent))

    assert line.endswith("_index.yaml: not fixed: the file is read-only")
    assert manifest.read_text() == MANIFEST


def test_a_file_with_other_faults_is_left_alone(manifest: Path) -> None:
    text = MANIFEST.replace("name: g,", "name: g, name: i,")
    manifest.write_text(text)

    lines = [*fix(found(manifest.parent))]

    assert lines
    assert all(
        line.endswith("not fixed: the file has other faults; mend them first") for line in lines
    )
    assert manifest.read_text() == text


def test_what_is_noted_is_removed_and_what_is_given_elsewhere_is_not_touched(
    manifest: Path,
) -> None:
    manifest.write_text(
        MANIFEST.replace("quue", "queue\n      - sql").replace("'http'", "'${env:M}'")
    )
    environment = {**os.environ, "M": "http"}

    ended = execute("validate", "--fix", str(manifest.parent), env=environment)

    assert "sql" not in manifest.read_text()
    assert "${env:M}" in manifest.read_text()
    assert ended.code == 3
    assert "--fix" not in ended.out
