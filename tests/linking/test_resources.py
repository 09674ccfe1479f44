"""Resources as they are checked before the start: arguments, `yield`, order and cycles."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import write_files

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: a.db}
  - {name: one, kind: resource.python, source: file://r.py, method: one, options: {size: 1}}
  - {name: two, kind: resource.python, source: file://r.py, method: two}
"""
HEAD = "from contextlib import asynccontextmanager\nfrom runtime.modules import resource, sql\n"
TWO = "\ndef two():\n    return 2\n"


def linked(folder: Path, code: str, manifest: str = MANIFEST) -> LinkedManifest:
    listed = manifest.replace("file://r.py,", "file://r.py, modules: [resource, sql],")
    write_files(folder, {"_index.yaml": listed, "r.py": HEAD + code})
    return link(read(folder), Registry())


def findings(folder: Path, code: str, manifest: str = MANIFEST) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        linked(folder, code, manifest)
    return [str(finding).replace(f"{folder}/", "") for finding in caught.value.findings]


@pytest.mark.parametrize(
    "code",
    [
        "def one(size): return size",
        "def one(*, size): yield size",
        "async def one(size, other=2): yield size",
        "async def one(**options): return options",
        "@asynccontextmanager\nasync def one(size: int): yield size",
        "@unknown\ndef one(): return 1",
        "def one(size, db: Annotated[sql.Database, 'db']): yield",
        "def one(size, db: Database): yield",
        "from elsewhere import one",
        "one = object",
        "def one(size):\n    if size:\n        yield 1\n    else:\n        yield 2",
        "def one(size):\n    try:\n        yield 1\n    except ValueError:\n        yield 2",
        "def one(size):\n    with open('x'):\n        yield 1\n    return\n    yield 2",
        "async def one(size):\n    async for each in size:\n        yield each",
    ],
)
def test_a_function_that_fits_has_no_finding(tmp_path: Path, code: str) -> None:
    linked(tmp_path, code + TWO)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "def one(sise): return sise",
            [
                "_index.yaml:4:48: 'one' needs 'sise', which 'options' does not have; "
                "add it to 'options', or give it a default",
                "_index.yaml:4:116: 'one' has no parameter 'size'; did you mean 'sise'?",
            ],
        ),
        (
            "@asynccontextmanager\nasync def one(): yield",
            ["_index.yaml:4:116: 'one' has no parameter 'size'"],
        ),
        (
            "def one(size, key: str, names: list[str], *, more): yield",
            [
                "_index.yaml:4:48: 'one' needs 'key', 'names', 'more', which 'options' does not "
                "have; add it to 'options', or give it a default"
            ],
        ),
        (
            "def one(size, /): yield",
            ["_index.yaml:4:116: 'one' has no parameter 'size'"],
        ),
        (
            "def one(size):\n    with open('x') as file:\n        yield file\n    yield 2",
            [
                "r.py:6:5: this second 'yield' fails at the stop: 'one' hands out one value; "
                "what follows the first 'yield' is run at the stop"
            ],
        ),
        (
            "async def one(size):\n    try:\n        yield 1\n    finally:\n        x = yield 2",
            [
                "r.py:7:13: this second 'yield' fails at the stop: 'one' hands out one value; "
                "what follows the first 'yield' is run at the stop"
            ],
        ),
    ],
)
def test_one_that_does_not_fit_is_a_finding(tmp_path: Path, code: str, said: list[str]) -> None:
    assert findings(tmp_path, code + TWO) == said


def test_what_the_code_names_is_needed(tmp_path: Path) -> None:
    code = "def one(size): return resource.get('two')\ndef two(): return sql.get('db')"
    graph = linked(tmp_path, code).graph

    one, two, db = (EntryId("app", name) for name in ("one", "two", "db"))
    assert graph.needs[one] == (two,)
    assert graph.needs[two] == (db,)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (
            "def one(size): return resource.get('two')\ndef two(): return resource.get('one')",
            "app:one → app:two → app:one",
        ),
        ("def one(size): return resource.get('one')" + TWO, "app:one → app:one"),
    ],
)
def test_a_circle_is_a_finding(tmp_path: Path, code: str, shown: str) -> None:
    assert findings(tmp_path, code) == [
        f"_index.yaml:4:48: a circular need: the code of each names the next, {shown}; "
        "have one of them get the other later, in a handler"
    ]


def test_an_unknown_resource_and_another_kind_are_notes(tmp_path: Path) -> None:
    code = "def one(size): return resource.get('twoo')\ndef two(): return resource.get('db')"
    notes = [str(note).replace(f"{tmp_path}/", "") for note in linked(tmp_path, code).notes]

    assert [note for note in notes if note.startswith("r.py")] == [
        "r.py:3:36: note: no entry 'app:twoo'; did you mean 'app:two'?",
        "r.py:4:32: note: 'app:db' is of kind db.sql.sqlite, not resource.*",
    ]
