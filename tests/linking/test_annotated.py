"""Entries that the annotations of a handler's parameters name: needs, and findings."""

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
  - {name: web, kind: http.service, addr: ":0"}
  - {name: router, kind: http.router}
  - {name: client, kind: resource.python, source: file://client.py}
  - {name: worker, kind: http.endpoint, method: POST, path: "/{task}", func: file://h.py#work}
"""
HEAD = "from typing import Annotated\nfrom msgspec import Struct\nfrom runtime.modules import sql\n"
WORKER = EntryId("app", "worker")


def linked(folder: Path, code: str, **files: str) -> LinkedManifest:
    named = {f"{name}.py": text for name, text in files.items()}
    client = "def main():\n    return 1\n"
    write_files(
        folder, {"_index.yaml": MANIFEST, "h.py": HEAD + code, "client.py": client, **named}
    )
    return link(read(folder), Registry())


def used(folder: Path, code: str, **files: str) -> set[str]:
    found = linked(folder, code, **files)
    assert not [note for note in found.notes if "h.py" in str(note)]
    return {id.name for id in found.links[WORKER].uses}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("async def work(task, db: Annotated[sql.Database, 'app:db']): ...", {"db"}),
        ("async def work(task, db: Annotated[sql.Database, 'db'] | None = None): ...", {"db"}),
        ("async def work(task, *, it: Annotated[object, 'client']): ...", {"client"}),
        ("Db = Annotated[sql.Database, 'db']\nasync def work(task, db: Db): ...", {"db"}),
        ("from .types import Db\nasync def work(task, db: Db): ...", {"db"}),
        ("from . import types\nasync def work(task, db: types.Db): ...", {"db"}),
        ("from .types import work", {"client"}),
        ("async def work(task: Annotated[str, 5, len], db=1): ...", set()),
        (
            "class Task(Struct):\n    a: Annotated[str, 'db']\nasync def work(task: Task): ...",
            set(),
        ),
        (
            "Text = Annotated[str, 'nothing']\nclass Task(Struct):\n    a: Text\n"
            "async def work(task: Task): ...",
            set(),
        ),
        (
            "def other(db: Annotated[str, 'the database']): ...\n"
            "async def work(task):\n    other(1)\n    x: Annotated[str, 'db'] = 1",
            set(),
        ),
    ],
)
def test_an_entry_that_a_parameter_names_is_needed(
    tmp_path: Path, code: str, names: set[str]
) -> None:
    types = (
        f"{HEAD}Db = Annotated[sql.Database, 'db']\n"
        "async def work(it: Annotated[object, 'client']): ..."
    )
    assert used(tmp_path, code, types=types) == names


def test_what_a_class_of_the_body_does_is_still_followed(tmp_path: Path) -> None:
    code = """
class Task(Struct):
    async def save(self):
        await sql.get('db').execute('SELECT 1')

async def work(task: Task):
    await task.save()
"""
    assert used(tmp_path, code) == {"db"}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "async def work(task, db: Annotated[sql.Database, 'app:bd']): ...",
            "h.py:4:50: no entry 'app:bd'; did you mean 'app:db'?",
        ),
        (
            "Db = Annotated[sql.Database, 'client']\nasync def work(task, db: Db): ...",
            "h.py:4:30: 'app:client' is of kind resource.python, not db.sql.*; there is 'app:db'",
        ),
    ],
)
def test_an_entry_that_cannot_be_an_argument_is_a_finding(
    tmp_path: Path, code: str, said: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        linked(tmp_path, code)

    (finding,) = caught.value.findings
    assert str(finding).replace(f"{tmp_path}/", "") == said
