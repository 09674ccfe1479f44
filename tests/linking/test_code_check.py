"""The code of handlers, as findings and notes and as edges of the graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.application.selection import select
from runtime.entry_id import EntryId
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import write_files
from tests.support.good_manifests import check

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: a.db, lifecycle: {auto_start: false}}
  - {name: driver, kind: queue.driver.memory, lifecycle: {auto_start: false}}
  - {name: tasks, kind: queue.queue, driver: driver}
  - {name: work, kind: function.python, source: file://h.py, modules: [queue, sql, registry]}
  - {name: consumer, kind: queue.consumer, queue: tasks, func: work, lifecycle: {auto_start: true}}
"""
HEAD = "from runtime.modules import queue, registry, sql\n"


def application(folder: Path, handler: str, **files: str) -> Path:
    named = {name.replace("_py", ".py"): text for name, text in files.items()}
    return write_files(folder, {"_index.yaml": MANIFEST, "h.py": HEAD + handler, **named})


def linked(folder: Path) -> LinkedManifest:
    return link(read(folder), Registry())


def notes(folder: Path) -> list[str]:
    return [str(note) for note in linked(folder).notes]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            "queue.publish('tasks', 1)",
            "7: 'queue.publish' is called without 'await', so it does nothing; "
            "write 'await queue.publish(…)'",
        ),
        (
            "for each in body: yield each",
            "25: this 'yield' makes 'main' a generator, of which a consumer ('app:consumer') would "
            "run nothing; return a list, or move it to another function",
        ),
        (
            "return {'id': queue.publish('tasks', 1)}",
            "21: 'queue.publish' is called without 'await', so it does nothing; "
            "write 'await queue.publish(…)'",
        ),
    ],
)
def test_a_mistake_in_the_code_is_told_with_its_place(call: str, said: str, tmp_path: Path) -> None:
    folder = application(tmp_path, f"async def main(body):\n      {call}\n")

    assert check(folder) == [f"{folder}/h.py:3:{said}"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("sql.get('bd')", "15: no entry 'app:bd'; did you mean 'app:db'?"),
        ("await queue.publish('task', 1)", "27: no entry 'app:task'; did you mean 'app:tasks'?"),
        ("registry.get('nothing')", "20: no entry 'app:nothing'"),
        ("sql.get('app:db:x')", "15: no entry 'app:db:x'; did you mean 'app:db'?"),
        (
            "sql.get('tasks')",
            "15: 'app:tasks' is of kind queue.queue, not db.sql.*; there is 'app:db'",
        ),
        (
            "await queue.info('db')",
            "24: 'app:db' is of kind db.sql.sqlite, not queue.queue or event.subscriber; "
            "there is 'app:tasks'",
        ),
    ],
)
def test_an_id_that_names_no_such_entry_is_a_note(call: str, said: str, tmp_path: Path) -> None:
    folder = application(tmp_path, f"async def main(body):\n      {call}\n")

    assert notes(folder) == [f"{folder}/h.py:3:{said.replace(': ', ': note: ', 1)}"]


@pytest.mark.parametrize(
    "handler",
    [
        "async def main(body):\n try: sql.get('other')\n except LookupError: pass",
        "async def main(body): pass\nasync def unused(): sql.get('other')",
        "async def main(body):\n def inner(): yield 1\n return [*inner()]",
        "async def main(body): return [each async for each in rows()]\nasync def rows(): yield 1",
        "import functools\n@functools.cache\ndef main(body): yield 1",
        "async def main(body): sql.get(body)",
        "async def main(body): registry.get('db')",
    ],
)
def test_what_may_be_right_is_not_told(handler: str, tmp_path: Path) -> None:
    assert notes(application(tmp_path, handler)) == []


@pytest.mark.parametrize(
    "result",
    [
        "[queue.publish('tasks', n) for n in body]",
        "{queue.publish('tasks', n) for n in body}",
        "{n: queue.publish('tasks', n) for n in body}",
        "(queue.publish('tasks', n) for n in body)",
        "{'sent': [queue.publish('tasks', n) for n in body if n]}",
        "[[queue.publish('tasks', n) for n in each] for each in body]",
        "{queue.publish('tasks', 1)}",
    ],
)
def test_nobody_awaits_what_a_handler_returns_in_a_container(result: str, tmp_path: Path) -> None:
    (told,) = check(application(tmp_path, f"async def main(body): return {result}"))

    assert "'queue.publish' is called without 'await', so it does nothing" in told


@pytest.mark.parametrize(
    "body",
    [
        "return [await queue.publish('tasks', n) for n in body]",
        "return await queue.publish_many('tasks', body)",
        "return await asyncio.gather(*[queue.publish('tasks', n) for n in body])",
        "return [n for n in body if await queue.publish('tasks', n)]",
        "return [lambda: queue.publish('tasks', n) for n in body]",
        "def make(): return [queue.publish('tasks', n) for n in body]\n"
        " return await asyncio.gather(*make())",
    ],
)
def test_what_awaits_a_comprehension_is_no_mistake(body: str, tmp_path: Path) -> None:
    assert check(application(tmp_path, f"import asyncio\nasync def main(body):\n {body}")) == []


def test_a_mistake_in_a_file_that_the_handler_imports_is_told_there(tmp_path: Path) -> None:
    handler = "from .store import save\nasync def main(body): await save()"
    store = "from runtime.modules import sql\nasync def save(): sql.get('db').execute('DELETE')\n"
    folder = application(tmp_path, handler, store_py=store)

    (told,) = check(folder)

    assert told.startswith(f"{folder}/store.py:2:19: 'sql.get('db').execute' is called without")


def test_a_bare_name_in_a_shared_file_is_of_each_entrys_namespace(tmp_path: Path) -> None:
    folder = application(tmp_path, "async def main(body): sql.get('db')")
    other = MANIFEST.replace("namespace: app", "namespace: other").replace("name: db", "name: data")
    write_files(folder, {"b/_index.yaml": other.replace("file://h.py", "file://../h.py")})

    assert [text.partition(": note: ")[2] for text in notes(folder)] == [
        "no entry 'other:db'; did you mean 'app:db'?"
    ]


def test_what_the_code_of_a_started_service_names_starts_before_it(tmp_path: Path) -> None:
    manifest = linked(application(tmp_path, "async def main(body): sql.get('db')"))

    running = select(manifest).running(manifest)

    assert EntryId("app", "db") in running
    order = manifest.graph.order()
    assert order.index(EntryId("app", "db")) < order.index(EntryId("app", "consumer"))


def test_code_may_name_what_needs_it(tmp_path: Path) -> None:
    """A resource that requires a process whose code uses it: no cycle, and both are in order."""
    folder = application(tmp_path, "async def main(body): await queue.publish('tasks', 1)")
    service = """
  - {name: fill, kind: process.python, source: file://h.py, modules: [queue, registry, sql]}
  - {name: host, kind: process.host}
  - {name: filling, kind: process.service, process: fill, host: host, input: [1]}
"""
    text = MANIFEST.replace(
        "memory, lifecycle: {auto_start: false}", "memory, lifecycle: {requires: [filling]}"
    )
    (folder / "_index.yaml").write_text(text + service)
    manifest = linked(folder)

    order = manifest.graph.order()

    assert {*order} == {*manifest.links}
    assert order.index(EntryId("app", "filling")) < order.index(EntryId("app", "driver"))
