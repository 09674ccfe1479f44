"""Functions that an endpoint, a consumer or a process holds itself, without an entry of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import execute, running, write_files
from tests.support.changing import served
from tests.support.serving import run

MANIFEST = """
namespace: app
entries:
  - {name: web, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: web}}
  - name: put
    kind: http.endpoint
    meta: {router: router}
    method: PUT
    path: /notes/{id}
    func: file://notes.py#put
  - {name: driver, kind: queue.driver.memory}
  - {name: changes, kind: queue.queue, driver: driver}
  - name: noting
    kind: queue.consumer
    queue: changes
    func: file://notes.py#note
    lifecycle: {auto_start: true}
  - {name: host, kind: process.host}
  - name: migration
    kind: process.service
    type: oneshot
    host: host
    process: file://migrate.py
    lifecycle: {auto_start: true}
  - {name: db, kind: db.sql.sqlite, file: ":memory:"}
"""
FILES = {
    "_index.yaml": MANIFEST,
    "notes.py": """
        from runtime.modules import queue
        from runtime.modules.sync import logger

        async def put(request):
            await queue.publish("changes", request.path_params["id"])
            return {"taken": True}

        def note(id):
            logger.info(f"noted {id}")

        async def other(request):
            return "other"
    """,
    "migrate.py": """
        from runtime.modules import sql

        async def main():
            await sql.get("db").execute("CREATE TABLE notes (id)")
    """,
}


def linked(
    folder: Path, *overrides: str, environment: dict[str, str] | None = None
) -> LinkedManifest:
    write_files(folder, FILES)
    options = [*map(Override.parse, overrides)]
    return link(read(folder, options, environment or {}), Registry())


def told(folder: Path, *overrides: str) -> list[str]:
    try:
        linked(folder, *overrides)
    except ManifestError as error:
        return [str(finding) for finding in error.findings]
    return []


def uses(manifest: LinkedManifest, name: str) -> dict[str, str]:
    found = manifest.links[EntryId("app", name)].uses
    return {str(id): call for id, call in found.items()}


def test_the_code_of_such_a_function_is_an_edge_of_the_entry_that_holds_it(tmp_path: Path) -> None:
    manifest = linked(tmp_path)

    assert uses(manifest, "put") == {"app:changes": "queue.publish"}
    assert uses(manifest, "migration") == {"app:db": "sql.get"}
    assert EntryId("app", "db") in manifest.graph.needs[EntryId("app", "migration")]


def test_no_entry_is_made_of_it(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    names = ["web", "router", "put", "driver", "changes", "noting", "host", "migration", "db"]

    rows = json.loads(execute("list", str(tmp_path), "--json").out)
    graph = json.loads(execute("graph", str(tmp_path), "--json").out)
    shown = json.loads(execute("show", "noting", str(tmp_path), "--json").out)

    assert [row["id"] for row in rows] == [f"app:{name}" for name in names]
    assert [node["id"] for node in graph["nodes"]] == [f"app:{name}" for name in names]
    assert {"from": "app:put", "field": "queue.publish", "to": "app:changes"} in graph["edges"]
    assert shown["fields"]["func"] == "file://notes.py#note"


def test_an_override_may_name_a_function_or_an_entry(tmp_path: Path) -> None:
    assert told(tmp_path, "app:put:func=file://notes.py#other") == []
    assert told(tmp_path, "app:put:func=file://notes.py#othr") == [
        "-o app:put:func: no function '…' in '…'"
    ]
    assert told(tmp_path, "app:put:func=host") == [
        "-o app:put:func: 'app:host' is of kind process.host, not function.*"
    ]


def test_an_override_of_it_is_not_printed(tmp_path: Path) -> None:
    assert told(tmp_path, "app:put:func=file://migrate.py#nope") == [
        "-o app:put:func: no function '…' in '…'; write '#main' behind the file"
    ]
    assert told(tmp_path, "app:put:func=notes.py") == [
        "-o app:put:func: no entry '…'; write file://name.py#function for a function in a file"
    ]


def test_a_secret_in_it_is_not_printed(tmp_path: Path) -> None:
    files = {**FILES, "_index.yaml": MANIFEST.replace("notes.py#put", "${secret:FILE}.py#${env:F}")}
    write_files(tmp_path, files)

    def found(file: str, function: str) -> list[str]:
        environment = {"FILE": file, "F": function}
        try:
            link(read(tmp_path, environment=environment), Registry())
        except ManifestError as error:
            return [each.message for each in error.findings]
        return []

    assert found("notes", "put") == []
    assert found("notes", "pit") == ["no function 'pit' in '${secret:FILE}.py'"]
    assert found("node", "put") == ["no file '${secret:FILE}.py'"]


def test_an_await_that_is_missing_in_its_code_is_a_finding(tmp_path: Path) -> None:
    code = FILES["notes.py"].replace("await queue.publish", "queue.publish")
    write_files(tmp_path, {**FILES, "notes.py": code})

    with pytest.raises(ManifestError) as error:
        link(read(tmp_path, environment={}), Registry())

    assert [each.message for each in error.value.findings] == [
        "'queue.publish' is called without 'await', so it does nothing"
    ]


def test_it_runs_under_the_id_of_the_entry_that_holds_it(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)

    with running(tmp_path) as site:
        assert site.ask("PUT", "/notes/7").status == 200
        assert site.line("noted 7")["entry"] == "app:noting"


def test_a_changed_function_makes_a_new_component_of_its_entry_alone(tmp_path: Path) -> None:
    before = MANIFEST.replace("file://migrate.py", "file://h.py#poll")
    before = before.replace("file://notes.py#note", "file://h.py#take")
    before = before.replace("PUT", "GET").replace("notes.py#put", "h.py#show")

    async def main() -> None:
        async with served(tmp_path, before.replace("type: oneshot", "type: simple")) as site:
            old = dict(site.application.scope.components)
            await site.apply(
                before.replace("type: oneshot", "type: simple").replace("h.py#show", "put.py")
            )
            new = site.application.scope.components

            assert {id.name for id in old if new[id] is not old[id]} == {"put"}

    run(main())
