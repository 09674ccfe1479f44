"""Schemathesis: requests made from the documents of whole applications, and what they answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.blackbox import EXAMPLE, FREE_PORT, ROOT, running, write_files

pytestmark = pytest.mark.slow

EXAMPLES = 15
"""Random requests for each operation; all edge cases of its parameters come before them."""

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: ":0", openapi: true, lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}, prefix: /api}
  - {name: create, kind: http.endpoint, method: POST, path: /notes, func: "file://notes.py#create"}
  - {name: notes, kind: http.endpoint, method: GET, path: /notes, func: "file://notes.py#notes"}
  - {name: get, kind: http.endpoint, method: GET, path: "/notes/{id}", func: "file://notes.py#get"}
  - {name: put, kind: http.endpoint, method: PUT, path: "/notes/{id}", func: "file://notes.py#put"}
  - {name: delete, kind: http.endpoint, method: DELETE, path: "/notes/{note}", func: "file://notes.py#delete"}
  - {name: sign, kind: http.endpoint, method: POST, path: /sign, func: "file://notes.py#sign"}
  - {name: types, kind: http.endpoint, method: POST, path: "/types/{rest...}", func: "file://notes.py#types"}
"""
NOTES = """
import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID, uuid4

import msgspec
from msgspec import Meta
from runtime.modules import http

KEPT = {}


class Tag(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=20)]
    color: Literal["red", "green"] = "red"


class NewNote(msgspec.Struct, forbid_unknown_fields=True):
    title: Annotated[str, Meta(min_length=1, max_length=100)]
    tags: list[Tag] = []
    due: dt.datetime | None = None


class Note(msgspec.Struct):
    id: UUID
    title: str
    tags: list[Tag]
    due: dt.datetime | None


def keep(id: UUID, note: NewNote) -> Note:
    KEPT[id] = Note(id, note.title, note.tags, note.due)
    return KEPT[id]


def find(id: UUID) -> Note:
    if id not in KEPT:
        raise http.Error(404)
    return KEPT[id]


async def create(note: NewNote, x_tenant: Annotated[str | None, http.Header] = None) -> Note:
    http.response().set_status(201)
    return keep(uuid4(), note)


async def notes(
    status: Literal["open", "done"] | None = None,
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100,
    tag: list[str] = [],
    old: bool = False,
    since: dt.datetime | None = None,
    session: Annotated[str, http.Cookie] = "",
) -> list[Note]:
    return [*KEPT.values()][:limit]


async def get(id: UUID) -> Note:
    return find(id)


async def put(id: UUID, note: NewNote) -> Note:
    if id not in KEPT:
        http.response().set_status(201)
    return keep(id, note)


async def delete(note: UUID) -> None:
    find(note)
    del KEPT[note]


Age = Annotated[int | None, http.Form]


async def sign(name: Annotated[str, http.Form], age: Age = None) -> str:
    return name


class Types(msgspec.Struct):
    raw: bytes
    day: dt.date
    hour: dt.time
    part: float
    counts: dict[str, int | None]
    unique: set[int]
    price: Decimal
    word: Annotated[str, Meta(pattern="^[a-z]+$")]


def types(rest: str, body: Types, factor: Annotated[float, Meta(gt=0)] = 1.5) -> Types:
    return body
"""

UNTYPED = """
[[operations]]
include-name = "POST /tasks"
# Its handler is not annotated and refuses bodies that the document cannot tell from others.
checks.positive_data_acceptance.expected-statuses = ["2xx", "400"]
"""

NOTES_CONFIG = """
[[operations]]
include-name = "PUT /api/notes/{id}"
# Another version than that of `If-Match`, and a reminder in more than ten years.
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "412", "422"]

[[operations]]
include-name = "POST /api/notes"
checks.positive_data_acceptance.expected-statuses = ["2xx", "422"]
"""


def check(address: str, folder: Path, config: str = "") -> None:
    """Run schemathesis against a server; fails with what it says if it finds anything."""
    (folder / "schemathesis.toml").write_text(config, encoding="utf-8")
    found = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "--no-color",
            "--config-file", folder / "schemathesis.toml",
            "run", f"{address}/openapi.json", "--max-examples", str(EXAMPLES),
            "--generation-deterministic",
        ],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr


def test_nothing_is_found_in_an_application_of_many_types(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "app", {"_index.yaml": MANIFEST, "notes.py": NOTES})
    with running(folder, FREE_PORT) as site:
        check(site.address, tmp_path)
        assert site.stop() == 0
        assert site.lines("Traceback") == []


def test_nothing_is_found_in_the_example(tmp_path: Path) -> None:
    options = [
        "app:gateway:openapi=true",
        "app:tasks_queue:driver_options.memory.max_length=1000000",
        f"app:db:file={tmp_path}/tasks.db",
    ]
    with running(EXAMPLE, FREE_PORT, *options) as site:
        check(site.address, tmp_path, UNTYPED)


def test_nothing_is_found_in_the_notes(tmp_path: Path) -> None:
    user = {"name": "ada", "password": "correct horse"}
    options = [
        f"app:db:file={tmp_path}/notes.db",
        "app:public:options={ratelimit.requests: 100000}",
    ]
    env = {"NOTES_KEY": "only for tests, and longer than 32 bytes"}
    with running(ROOT / "examples" / "notes-api", FREE_PORT, *options, env=env) as site:
        assert site.ask("POST", "/api/users", user).status == 201
        token = site.ask("POST", "/api/login", user).json["token"]
        check(site.address, tmp_path, f'[auth.openapi.token]\nbearer = "{token}"\n{NOTES_CONFIG}')
