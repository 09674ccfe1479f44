"""Kinds from other packages: installed, checked and run, without a change to this one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.blackbox import ROOT, Site, execute, write_files
from tests.support.doc_examples import steps
from tests.support.program import running

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "adding-a-kind.md"


@pytest.fixture
def installed(tmp_path: Path) -> Mapping[str, str]:
    """The environment of a program that has the documentation's package installed."""
    site = tmp_path / "site"
    for step in steps(PAGE):
        if step.action == "file":
            root = tmp_path if step.argument.startswith("ticking") else site
            file = root / step.argument
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.text, encoding="utf-8")
    return install(site, "acme_timer", {"acme.timer": "kind"})


def install(site: Path, package: str, kinds: Mapping[str, str]) -> Mapping[str, str]:
    """Declare the kinds of a package below `site`; the environment of a program that has it.

    `kinds` gives for each kind the name in the package.
    """
    information = site / f"{package}-1.0.dist-info"
    information.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.0\n"
    (information / "METADATA").write_text(metadata)
    points = "".join(f"{kind} = {package}:{name}\n" for kind, name in kinds.items())
    (information / "entry_points.txt").write_text(f"[runtime.kinds]\n{points}")
    return {**os.environ, "PYTHONPATH": str(site)}


def test_a_kind_from_outside_is_listed_explained_and_in_the_editors_schema(
    installed: Mapping[str, str],
) -> None:
    assert "acme.timer" in execute("kinds", env=installed).out
    assert "| `every` | duration | required |" in execute("kinds", "acme.timer", env=installed).out
    assert '"const": "acme.timer"' in execute("schema", env=installed).out


def test_a_manifest_may_use_it_and_is_checked_by_its_schema(
    installed: Mapping[str, str], tmp_path: Path
) -> None:
    manifest = tmp_path / "ticking" / "src" / "_index.yaml"

    assert execute("validate", str(tmp_path / "ticking"), env=installed).code == 0
    without = execute("validate", str(tmp_path / "ticking"))
    manifest.write_text(manifest.read_text().replace("every: 50ms", "evry: soon"))
    wrong = execute("validate", str(tmp_path / "ticking"), env=installed)

    assert "unknown kind 'acme.timer'" in without.out
    assert "unknown field 'evry'; did you mean 'every'?" in wrong.out


def test_it_runs_under_the_supervisor(installed: Mapping[str, str], tmp_path: Path) -> None:
    with running(tmp_path / "ticking", env=dict(installed)) as program:
        program.wait_for(lambda line: line.get("fields") == {"number": 3})

        assert program.stop() == 0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('broken')", "cannot be loaded: RuntimeError: broken"),
        ("kind = 3", "acme.timer"),
        (
            "from runtime.kind import Kind\nkind = Kind('acme.timer', int, int)",
            "has no schema",
        ),
    ],
    ids=["raises", "no kind", "no schema"],
)
def test_a_broken_kind_is_a_finding(
    code: str, said: str, installed: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "site" / "acme_timer" / "__init__.py").write_text(code)

    ended = execute("validate", str(tmp_path / "ticking"), env=installed)

    assert ended.code == 3
    assert said in ended.out
    assert "Traceback" not in ended.out + ended.err


DRIVER = """
    from dataclasses import dataclass

    from runtime.engines.queue.memory.queue import MemoryQueue
    from runtime.kind import Kind, Stage

    SCHEMA = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "kind"],
        "properties": {
            "name": {"$ref": "../entry.schema.json#/$defs/name"},
            "kind": {"const": "queue.driver.acme"},
            "meta": {"$ref": "../entry.schema.json#/$defs/meta"},
            "lifecycle": {"$ref": "../entry.schema.json#/$defs/lifecycle"},
        },
    }


    @dataclass(kw_only=True)
    class Config:
        pass


    class Driver:
        def __init__(self, config, context):
            self.queues = {}

        def declare(self, name, options):
            return self.queues.setdefault(name, MemoryQueue(name, 10))

        async def run(self, ready, stop):
            ready("acme")
            await stop.wait()


    kind = Kind(
        "queue.driver.acme",
        Config,
        Driver,
        stage=Stage.RESOURCE,
        schema=SCHEMA,
        unsupported={"transaction": "acme has none"},
        multiprocess=False,
    )
"""
QUEUES = """
    namespace: app
    entries:
      - {name: driver, kind: queue.driver.acme, lifecycle: {auto_start: true}}
      - {name: tasks, kind: queue.queue, driver: driver}
      - name: worker
        kind: queue.consumer
        queue: tasks
        func: take
        lifecycle: {auto_start: true}
      - {name: take, kind: function.python, source: file://take.py, modules: [logger]}
      - {name: host, kind: process.host}
      - {name: put, kind: process.python, source: file://put.py, modules: [queue]}
      - name: putter
        kind: process.service
        process: put
        host: host
        lifecycle: {auto_start: true}
"""
TAKE = """
    from runtime.modules import logger

    async def main(body):
        logger.info("taken", body=body)
"""
PUT = """
    from runtime.modules import queue

    async def main():
        await queue.publish("tasks", {"n": 1})
"""


def test_a_queue_driver_from_outside_keeps_messages(tmp_path: Path) -> None:
    files = {"_index.yaml": QUEUES, "take.py": TAKE, "put.py": PUT}
    folder = write_files(tmp_path / "app", files)
    write_files(tmp_path / "site", {"acme_driver.py": DRIVER})
    env = install(tmp_path / "site", "acme_driver", {"queue.driver.acme": "kind"})

    with running(folder, env=dict(env)) as program:
        program.wait_for(lambda line: line.get("fields") == {"body": {"n": 1}})
        assert "app:driver is running on acme" in "".join(program.messages)
        assert program.stop() == 0

    alone = execute("run", str(folder), "--except", "worker", env=env)
    assert alone.code == 3
    assert "'app:driver' is of kind queue.driver.acme, which works within one process" in alone.err


def test_what_a_driver_from_outside_does_not_support_is_a_finding(tmp_path: Path) -> None:
    manifest = QUEUES.replace("queue: tasks", "queue: tasks\n        transaction: db")
    manifest += "      - {name: db, kind: db.sql.sqlite, file: a.db}\n"
    files = {"_index.yaml": manifest, "take.py": TAKE, "put.py": PUT}
    folder = write_files(tmp_path / "app", files)
    write_files(tmp_path / "site", {"acme_driver.py": DRIVER})
    env = install(tmp_path / "site", "acme_driver", {"queue.driver.acme": "kind"})

    ended = execute("validate", str(folder), env=env)

    assert ended.code == 3
    assert "a transaction cannot reach the messages of 'app:driver': acme has none" in ended.out


LANGUAGES = """
    from dataclasses import dataclass

    from runtime.kind import Kind

    SHARED = "../entry.schema.json#/$defs/"


    def schema(name, source):
        return {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "kind", "source"],
            "properties": {
                "name": {"$ref": SHARED + "name"},
                "kind": {"const": name},
                "meta": {"$ref": SHARED + "meta"},
                "source": source,
                "method": {"$ref": SHARED + "method"},
                "modules": {"$ref": SHARED + "modules"},
            },
        }


    @dataclass(kw_only=True)
    class Config:
        source: str
        method: str
        modules: list


    class Function:
        takes_argument = False
        blocking = False

        def __init__(self, config, context):
            self.id = context.id
            self.text = context.path(config.source.removeprefix("file://")).read_text()

        async def call(self, subject, *arguments):
            return self.text.strip()


    text = schema("function.text", {"type": "string"})
    own = Kind("function.text", Config, Function, schema=text)
    python = Kind(
        "function.acme",
        Config,
        Function,
        schema=schema("function.acme", {"$ref": SHARED + "source"}),
    )
"""
SERVED = """
    namespace: app
    entries:
      - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
      - {name: router, kind: http.router, meta: {server: gateway}}
      - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: text}
      - {name: text, kind: KIND, source: "file://hello.txt", method: none, modules: [anything]}
"""


@pytest.fixture
def languages(tmp_path: Path) -> Mapping[str, str]:
    write_files(tmp_path / "site", {"acme_languages.py": LANGUAGES})
    kinds = {"function.text": "own", "function.acme": "python"}
    return install(tmp_path / "site", "acme_languages", kinds)


def test_a_source_that_is_no_python_is_left_to_its_kind(
    languages: Mapping[str, str], tmp_path: Path
) -> None:
    manifest = SERVED.replace("KIND", "function.text")
    folder = write_files(tmp_path / "app", {"_index.yaml": manifest, "hello.txt": "def: hello\n"})

    assert execute("validate", str(folder), env=languages).code == 0
    with running(folder, env=dict(languages)) as program:
        assert Site(program).ask("GET", "/").body == b"def: hello"
        assert program.stop() == 0


def test_the_shared_source_is_python_in_any_kind(
    languages: Mapping[str, str], tmp_path: Path
) -> None:
    manifest = SERVED.replace("KIND", "function.acme")
    folder = write_files(tmp_path / "app", {"_index.yaml": manifest, "hello.txt": "hello\n"})

    ended = execute("validate", str(folder), env=languages)

    assert ended.code == 3
    assert "'hello.txt' is not a Python file" in ended.out
    assert "unknown module 'anything'" in ended.out
