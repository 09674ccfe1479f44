"""Reading: every manifest under a folder, as entries by id."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry

NOBODY = 65534
"""A user and group without rights."""


def write(folder: Path, entries: str, name: str = "_index.yaml", namespace: str = "app") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"namespace: {namespace}\nentries:\n{entries}", encoding="utf-8")


def findings(folder: Path) -> list[str]:
    """The findings, without the folder."""
    try:
        link(read(folder, environment={}), Registry())
    except ManifestError as error:
        return [str(finding).replace(f"{folder}/", "") for finding in error.findings]
    return []


def test_files_at_any_depth_are_one_application(tmp_path: Path) -> None:
    write(tmp_path, "  - {name: d, kind: queue.driver.memory}\n")
    write(tmp_path / "b", "  - {name: q, kind: queue.queue, driver: d}\n")
    other = "  - {name: other, kind: queue.queue, driver: app:d}\n"
    write(tmp_path / "a" / "deep", other, "_index.yml", namespace="other.part")

    manifest = read(tmp_path, environment={})

    assert [*map(str, manifest.entries)] == ["app:d", "other.part:other", "app:q"]
    assert manifest.complete
    assert findings(tmp_path) == []


def test_an_entry_knows_the_folder_of_its_manifest(tmp_path: Path) -> None:
    write(tmp_path / "part", "  - {name: x, kind: registry.entry}\n")

    entry = read(tmp_path, environment={}).entries[EntryId("app", "x")]

    assert entry.folder == tmp_path / "part"
    assert str(entry.position).endswith("part/_index.yaml:3:5")


def test_a_bare_name_means_the_namespace_that_says_it(tmp_path: Path) -> None:
    write(tmp_path / "a", "  - {name: d, kind: queue.driver.memory}\n", namespace="a")
    write(tmp_path / "b", "  - {name: q, kind: queue.queue, driver: d}\n", namespace="b")

    assert findings(tmp_path) == ["b/_index.yaml:3:42: no entry 'b:d'; did you mean 'a:d'?"]


@pytest.mark.parametrize(
    "broken",
    ["namespace: app\nentries: [\n", "namespace: app\n", "", "nonsense"],
    ids=["no yaml", "no entries", "empty", "text"],
)
def test_what_could_not_be_read_is_not_told_again_as_missing(broken: str, tmp_path: Path) -> None:
    write(tmp_path / "a", "  - {name: q, kind: queue.queue, driver: elsewhere}\n")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "_index.yaml").write_text(broken)

    told = findings(tmp_path)

    assert told
    assert all(text.startswith("b/_index.yaml:") for text in told)


def test_a_fault_in_one_entry_does_not_hide_those_of_the_next(tmp_path: Path) -> None:
    write(
        tmp_path,
        "  - {name: h, kind: process.host, max_processes: 0}\n"
        "  - {name: h2, kind: process.hots}\n"
        "  - {name: h2, kind: process.host}\n"
        "  - {name: r, kind: registry.entry, meta: 1}\n",
    )

    assert [text.split(":")[1] for text in findings(tmp_path)] == ["3", "4", "5", "6"]


def test_a_fault_in_a_target_is_told_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        "  - {name: d, kind: queue.driver.memry}\n  - {name: q, kind: queue.queue, driver: d}\n",
    )

    assert findings(tmp_path) == [
        "_index.yaml:3:21: unknown kind 'queue.driver.memry'; did you mean 'queue.driver.memory'?"
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(tmp_path: Path) -> None:
    text = "\ufeffnamespace: app\r\nentries:\r\n  - {name: x, kind: nope}\r\n"
    (tmp_path / "_index.yaml").write_bytes(text.encode())

    assert findings(tmp_path) == ["_index.yaml:3:21: unknown kind 'nope'; see 'runtime kinds'"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "_index.yaml")

    assert findings(tmp_path) == ["_index.yaml:1:1: not a file"]


@pytest.mark.parametrize("target", ["nowhere", "_index.yaml"], ids=["broken", "circle"])
def test_a_link_to_nothing_is_a_finding(target: str, tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").symlink_to(target)

    (told,) = findings(tmp_path)

    assert told.startswith("_index.yaml:1:1: cannot be read: ")


@contextmanager
def of_nobody() -> Iterator[Path]:
    """A folder of somebody who is not root, who may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        user = os.geteuid()
        if user == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)


def test_a_file_that_may_not_be_read_is_a_finding() -> None:
    with of_nobody() as folder:
        write(folder, "  []\n")
        (folder / "_index.yaml").chmod(0)

        assert findings(folder) == ["_index.yaml:1:1: cannot be read: permission denied"]


def test_a_name_with_terminal_codes_is_shown_escaped(tmp_path: Path) -> None:
    write(tmp_path, '  - {name: h, kind: process.host, "\\e[31m\\nred": 1}\n')

    (told,) = findings(tmp_path)

    assert "unknown field '\\x1b[31m\\nred'" in told


def test_findings_end_somewhere_and_say_so(tmp_path: Path) -> None:
    write(tmp_path, "".join(f"  - {{name: h{n}, kind: none}}\n" for n in range(3000)))

    told = findings(tmp_path)

    assert len(told) == 1001
    assert [text for text in told if text.endswith("stops here, after 1,000 findings")]
