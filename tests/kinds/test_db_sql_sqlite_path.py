"""db.sql.sqlite: paths and modes that are refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.findings.finding import ManifestError
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import execute


def findings(folder: Path, fields: str) -> list[str]:
    """The findings of a database with these fields, without their position."""
    text = f"namespace: a\nentries:\n  - {{name: db, kind: db.sql.sqlite, {fields}}}\n"
    (folder / "_index.yaml").write_text(text)
    try:
        link(read(folder), Registry())
    except ManifestError as error:
        return [f"{finding.message}; {finding.hint}" for finding in error.findings]
    return []


@pytest.mark.parametrize(
    ("file", "finding"),
    [
        ("", "'file' is '', but must not be empty; "),
        ("  ", "'file' is blank; name a file, such as ./data/app.db"),
        ("./data/", "'file' names a folder; add the name of a file, such as app.db"),
        (".", "'file' names a folder; "),
        ("data/..", "'file' names a folder; "),
        ("a\0b.db", "'file' has a NUL in it; remove it"),
        ("file:a.db?mode=rwc", "'file' is a URL; write the path alone"),
        ("sqlite:///a.db", "'file' is a URL; "),
        ("~/a.db", "'file' begins with '~', which means nothing here; write ${env:HOME} in its pl"),
        (":memory", "'file' would be a file of that name; write ':memory:', in quotes"),
        ("memory", "'file' would be a file of that name; "),
    ],
)
def test_a_path_that_cannot_be_meant_is_a_finding(tmp_path: Path, file: str, finding: str) -> None:
    found = findings(tmp_path, f"file: {json.dumps(file)}")

    assert len(found) == 1
    assert found[0].startswith(finding)


@pytest.mark.parametrize("file", [":memory:", "a.db", "/srv/a b.db", "..data/a", "a/memory"])
def test_other_paths_are_none(tmp_path: Path, file: str) -> None:
    assert findings(tmp_path, f"file: {json.dumps(file)}") == []


@pytest.mark.parametrize("mode", ["0600", '"600"', "'0640'", '"0660"', '"0644"', '"0666"'])
def test_a_mode_is_octal_and_lets_the_owner_read_and_write(tmp_path: Path, mode: str) -> None:
    assert findings(tmp_path, f"file: a.db, file_mode: {mode}") == []


@pytest.mark.parametrize(
    "mode",
    [
        '"0400"',
        '"0700"',
        '"0200"',
        '"0680"',
        '"rw-------"',
        '"0o600"',
        '"01600"',
        '""',
        "600",
        "384",
    ],
)
def test_a_mode_that_makes_no_sense_is_a_finding(tmp_path: Path, mode: str) -> None:
    found = findings(tmp_path, f"file: a.db, file_mode: {mode}")

    assert len(found) == 1
    assert found[0].startswith("'file_mode' is ")
    assert 'write "0600"' in found[0]


def test_a_secret_in_a_path_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "file:/s3cret")
    found = findings(tmp_path, "file: '${secret:PLACE}'")

    assert found == ["'file' is a URL; write the path alone"]


@pytest.mark.parametrize("folder", ["/proc", "/sys"])
def test_where_no_folder_can_be_made_the_start_ends_with_one_line(
    tmp_path: Path, folder: str
) -> None:
    started = "lifecycle: {auto_start: true}}"
    (tmp_path / "_index.yaml").write_text(
        "namespace: a\nentries:\n"
        f"  - {{name: db, kind: db.sql.sqlite, file: {folder}/new/a.db, {started}\n"
        f'  - {{name: gateway, kind: http.service, addr: "127.0.0.1:0", {started}\n'
    )
    ended = execute("run", str(tmp_path), "--log-format", "console")

    assert ended.code == 4
    assert f"cannot make the folder of '{folder}/new/a.db': " in ended.err
    assert "Traceback" not in ended.err
