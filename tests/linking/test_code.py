"""The code of handlers, read as syntax: calls that need an `await`, and the ids that it names."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

from runtime.linking.code.calls import AWAITED, IDS, TOPICS
from runtime.linking.code.file import CodeFile
from runtime.linking.code.reader import CodeReader
from runtime.linking.imports import own_modules

IMPORTS = """\
import asyncio, json
from runtime.modules import http, process, queue, sql, sync
from runtime.modules.queue import publish as send
"""


def file(text: str, path: str = "h.py") -> CodeFile:
    return CodeFile(Path(path), ast.parse(text))


def lines(body: str, head: str = "async def main(body)") -> list[str]:
    """The faults of a handler with that body, each as `line message; hint`."""
    text = IMPORTS + f"{head}:\n" + "".join(f"    {line}\n" for line in body.splitlines())
    first = IMPORTS.count("\n") + 1
    return [
        f"{fault.node.lineno - first} {fault.message}; {fault.hint}"
        for fault in sorted(file(text).faults, key=lambda fault: fault.node.lineno)
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "queue.publish('q', body)",
        "send('q', body)",
        "id = queue.publish('q', body)",
        "id: str = send('q', body)",
        "if queue.publish('q', body): pass",
        "while not send('q', body): pass",
        "print(f'sent {send(1, 2)}')",
        "text = 'sent ' + send('q', body)",
        "count = queue.info('q').ready",
        "first = queue.dead_letters('q')[0]",
        "for each in queue.dead_letters('q'): pass",
        "each = [letter for letter in queue.dead_letters('q')]",
        "count = len(queue.dead_letters('q'))",
        "text = json.dumps(http.request().json())",
        "from runtime.modules import json\ntext = json.encode(queue.info('q'))",
        "sql.get('db').execute('DELETE FROM a')",
        "sql.transaction().execute('DELETE FROM a')",
        "queue.message().ack()",
        "process.stopping()",
        "db = sql.get('db'); db.execute('DELETE FROM a')",
        "db = sql.get('db')\nrows = db.query('SELECT 1')\nfor row in rows: pass",
        "data = http.request().json()\nname = data['name']",
        "s = sql.builder.select('a')\ns = s.limit(1)\ns.run_with(sql.get('db')).query()",
        "async with sql.get('db').transaction() as tx:\n    tx.execute('DELETE FROM a')",
        "publish = queue.publish\npublish('q', body)",
        "from runtime.modules.queue import info\ninfo('q')",
    ],
)
def test_a_call_that_needs_an_await_and_has_none_is_a_fault(statement: str) -> None:
    (fault,) = lines(statement)

    assert "is called without 'await', so it does nothing; write 'await " in fault


@pytest.mark.parametrize(
    "statement",
    [
        "await queue.publish('q', body)",
        "id = await send('q', body)",
        "task = asyncio.create_task(send('q', body))\nawait task",
        "await asyncio.gather(send('q', 1), *[send('q', n) for n in range(2)])",
        "waiting = send('q', body)\nawait waiting",
        "waiting = send('q', body)\nawait asyncio.wait_for(waiting, 1)",
        "waiting = send('q', body)\nreturn waiting",
        "waiting = send('q', body)\nasync def later(): await waiting",
        "waiting = send('q', body)\nif waiting is not None: await waiting",
        "waiting = None\nwaiting = send('q', body)\nif waiting: await waiting",
        "waiting = [send('q', body)]",
        "waiting = {'a': send('q', body)}\nawait waiting['a']",
        "later = lambda: send('q', body)",
        "async with sql.get('db').transaction() as tx:\n    await tx.execute('DELETE')",
        "(await queue.info('q')).ready",
        "queue = FakeQueue()\nqueue.publish('q', body)",
        "async def inner(queue): queue.publish('q', body)",
        "for queue in []: queue.publish('q', body)",
        "db = sql.get('db')\nif body: db = Other()\ndb.execute('DELETE')",
        "class Db:\n    sql = None\n    def run(self): self.sql.execute('DELETE')",
        "raise queue.Reject('bad')",
        "raise http.Error(404)",
        "http.response().set_status(201)",
        "process.ready()",
        "sync.queue.Reject('no')",
        "coroutine = send('q', body)\ncoroutine.close()",
        "sql.builder.select('a').where({'a': 1})",
        "self.x = send('q', body)",
        "def work(): sync.queue.publish('q', body)\nawait asyncio.to_thread(work)",
        "await asyncio.to_thread(lambda: sync.queue.publish('q', body))",
    ],
)
def test_what_may_be_awaited_elsewhere_is_no_fault(statement: str) -> None:
    assert lines(statement) == []


@pytest.mark.parametrize("import_", ["from x import *", "def other():\n    global queue"])
def test_names_that_anything_may_rebind_are_not_judged(import_: str) -> None:
    text = f"{IMPORTS}{import_}\nasync def main(): queue.publish('q', 1)\n"

    assert file(text).faults == []


def test_a_def_is_told_of_the_modules_that_block() -> None:
    (fault,) = lines("queue.publish('q', body)", "def main(body)")

    assert fault == (
        "1 'queue.publish' needs 'await', which a 'def' ('main') cannot have; "
        "import queue from runtime.modules.sync"
    )
    assert lines("return queue.publish('q', body)", "def main(body)") == []
    assert lines("sync.queue.publish('q', body)", "def main(body)") == []


@pytest.mark.parametrize(
    "call",
    ["queue.publish('q', 1)", "sql.get('db').query('')", "process.stopping()", "http.request()"],
)
def test_an_async_def_must_not_block(call: str) -> None:
    (fault,) = lines(f"x = sync.{call}")

    assert "of runtime.modules.sync blocks, which an 'async def' must not; import " in fault


def test_a_transaction_is_entered_with_async() -> None:
    (fault,) = lines("with sql.get('db').transaction() as tx:\n    pass")

    assert fault.startswith(
        "1 'sql.get('db').transaction' is entered without 'async'; write 'async"
    )
    assert lines("with sync.sql.get('db').transaction() as tx: pass", "def main()") == []


@pytest.mark.parametrize("value", ["send('q', 1)", "{'id': send('q', 1)}", "[send('q', 1)]"])
def test_nobody_awaits_what_a_handler_returns(value: str) -> None:
    text = f"{IMPORTS}async def main(): return {value}\nasync def other(): return await send('q')"

    assert len(file(text).returned("main")) == 1
    assert file(text).returned("other") == []


def test_the_calls_are_those_that_the_modules_have() -> None:
    named, awaited = set(), set()
    for module in own_modules():
        path = f"runtime.modules.{module}"
        for name, function in vars(importlib.import_module(path)).items():
            if inspect.isfunction(function) and function.__module__ == path and name[0] != "_":
                parameters = inspect.signature(function).parameters
                named |= {f"{module}.{name}"} if {"id", "topic"} & {*parameters} else set()
                awaited |= {f"{module}.{name}"} if inspect.iscoroutinefunction(function) else set()

    assert named <= IDS | TOPICS
    assert awaited <= AWAITED


def ids(folder: Path, files: dict[str, str], function: str = "main") -> set[str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    reader = CodeReader(folder, lambda path: ast.parse(path.read_text()))
    return {use.id for use in reader.code(folder / "h.py", function).uses}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("sql.get('db')", "db"),
        ("await send('q', 1)", "q"),
        ("await queue.publish(id='q', body=1)", "q"),
        ("await queue.info(QUEUE)", "tasks"),
        ("name = 'local'\n    await queue.info(name)", "local"),
        ("sync.queue.dead_letters('q')", "q"),
        ("asyncio.to_thread(sync.queue.publish, 'q', 1)", "q"),
        ("await helper()", "db2"),
        ("await Service().run()", "db3"),
        ("await HANDLERS['x']()", "db2"),
        ("await queue.info(body)", ""),
        ("await queue.info(f'q{body}')", ""),
        ("await other.publish('q', 1)", ""),
    ],
)
def test_the_ids_that_code_names_are_read(body: str, named: str, tmp_path: Path) -> None:
    text = f"""{IMPORTS}
QUEUE: str = "tasks"
async def main(body):
    {body}
async def helper(): return sql.get("db2")
class Service:
    async def run(self): return sql.get("db3")
HANDLERS = {{"x": helper}}
async def unrelated(): sql.get("db4")
"""
    assert ids(tmp_path, {"h.py": text}) == {*named.split()}


@pytest.mark.parametrize(
    "import_",
    [
        "from .store import save",
        "from .store import save as save",
        "from . import store\nsave = store.save",
        "from .kept.deep import save",
        "from .kept import save",
    ],
)
def test_relative_imports_are_followed(import_: str, tmp_path: Path) -> None:
    store = (
        "from runtime.modules import sql\nasync def save(): sql.get('db')\ndef no(): sql.get('x')"
    )
    files = {
        "h.py": f"{import_}\nasync def main(): await save()\n",
        "store.py": store,
        "kept/deep.py": store,
        "kept/__init__.py": "from .deep import save",
    }

    assert ids(tmp_path, files) == {"db"}


def test_files_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    files = {
        "h.py": "from . import a\ndef main(): a.f(); b()\ndef b(): main()",
        "a.py": "from .h import main\nfrom runtime.modules.sql import get\ndef f(): main, get('q')",
    }

    assert ids(tmp_path, files) == {"q"}


def test_code_that_is_deep_or_refers_to_itself_ends() -> None:
    chain = "a" + ".b" * 900
    turns = "\n".join(f"    {a} = {b}.where(1)" for a in "abcd" for b in "abcd")
    text = f"{IMPORTS}async def main():\n{turns}\n    {chain}\n    a.execute()\n"

    assert file(text).faults == []
