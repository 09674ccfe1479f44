"""The services that a program runs, and queues whose two ends must stay together."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.application.selection import WrongChoice, not_started, select
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.queue.sql.test_driver import HANDLERS, done
from tests.queue.sql.test_driver import MANIFEST as DURABLE
from tests.support.blackbox import EXAMPLE, Site, eventually, execute, write_files
from tests.support.program import running

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: a.db}
  - {name: driver, kind: queue.driver.memory}
  - {name: q, kind: queue.queue, driver: driver}
  - {name: f, kind: function.python, source: file://h.py}
  - {name: p, kind: process.python, source: file://h.py, method: run}
  - {name: host, kind: process.host}
  - {name: migration, kind: process.service, process: p, host: host, lifecycle: {auto_start: true}}
  - {name: asleep, kind: process.service, process: p, host: host}
  - {name: web, kind: http.service, addr: ":0", lifecycle: {auto_start: true, requires: [db]}}
  - {name: taker, kind: queue.consumer, queue: q, func: f, lifecycle: {auto_start: true}}
  - name: late
    kind: queue.consumer
    queue: q
    func: f
    lifecycle: {auto_start: true, requires: [migration]}
"""
OTHER = """
namespace: other
entries:
  - {name: web, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
"""
HANDLER = "def main(body): pass\ndef run(): pass\n"


@pytest.fixture
def linked(tmp_path: Path) -> LinkedManifest:
    files = {"_index.yaml": MANIFEST, "h.py": HANDLER, "other/_index.yaml": OTHER}
    return link(read(write_files(tmp_path, files)), Registry())


def names(linked: LinkedManifest, only: str = "", without: str = "") -> str:
    selection = select(linked, only.split(), without.split())
    return " ".join(str(id).removeprefix("app:") for id in selection.running(linked))


@pytest.mark.parametrize(
    ("only", "without", "running"),
    [
        ("", "", "db driver host migration web taker late other:web"),
        ("app:web", "", "db driver host web"),
        ("taker", "", "db driver host taker"),
        ("late", "", "db driver host migration late"),
        ("asleep", "", "db driver host asleep"),
        ("", "taker other:web", "db driver host migration web late"),
        ("app:web taker", "taker", "db driver host web"),
    ],
)
def test_services_are_chosen_with_what_they_need_and_all_resources(
    only: str, without: str, running: str, linked: LinkedManifest
) -> None:
    assert names(linked, only, without) == running


@pytest.mark.parametrize(
    ("only", "without", "said"),
    [
        ("tajker", "", "no service 'tajker'; did you mean 'taker'?"),
        ("zzz", "", "no service 'zzz'; there are: app:migration, app:asleep, app:web,"),
        ("web", "", "'web' is the name of several services: app:web, other:web"),
        ("f", "", "'app:f' is of kind function.python and does not run by itself; choose among: "),
        ("", "q", "'app:q' is of kind queue.queue and does not run by itself; choose among: "),
        ("db", "", "'app:db' is of kind db.sql.sqlite and always starts, as any handler may need"),
        (
            "",
            "migration",
            "'app:late' needs 'app:migration', which is left out; "
            "leave out 'app:late' too: --except app:migration,app:late",
        ),
        ("late", "migration", "'app:late' needs 'app:migration', which is left out; leave out"),
        ("taker", "taker", "this leaves nothing to run but resources"),
    ],
)
def test_a_wrong_choice_is_told_with_its_mend(
    only: str, without: str, said: str, linked: LinkedManifest
) -> None:
    with pytest.raises(WrongChoice) as caught:
        select(linked, only.split(), without.split())

    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "nothing"], "no service 'nothing'; "),
        (["--only", ","], "it names no service"),
        (["--except", "tasks_queue"], "'app:tasks_queue' is of kind queue.queue"),
        (["--workers", "2", "--only", "migrate-service"], "what takes the messages of"),
    ],
)
def test_on_the_command_line_a_wrong_choice_starts_nothing(options: list[str], said: str) -> None:
    ended = execute("run", str(EXAMPLE), *options)

    assert ended.code == (3 if "messages" in said else 2)
    assert said in ended.err
    assert "Traceback" not in ended.err


PRIVATE = "15:11: 'app:queue_driver' is of kind queue.driver.memory, which works within one process"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            ["--only", "gateway"],
            "what takes the messages of 'app:tasks_queue' is left out: app:task_consumer",
        ),
        (
            ["--except", "app:task_consumer"],
            "what takes the messages of 'app:tasks_queue' is left out: app:task_consumer",
        ),
        (
            ["--only", "task_consumer"],
            "what may publish into 'app:tasks_queue' is left out: app:gateway, app:migrate-service",
        ),
        (["--workers", "2"], "each worker would have its own"),
    ],
)
def test_a_queue_in_memory_keeps_both_ends_in_one_process(options: list[str], why: str) -> None:
    ended = execute("run", str(EXAMPLE), *options)

    assert ended.code == 3
    (found, *_, count) = ended.err.strip().splitlines()
    assert count == "1 finding"
    assert found.endswith(f"{PRIVATE}, and {why}; use queue.driver.amqp or queue.driver.sql")


def test_a_database_in_memory_is_of_one_process() -> None:
    ended = execute("run", str(EXAMPLE), "--workers", "2", "-o", "app:db:file=:memory:")

    assert ended.code == 3
    assert ended.err.splitlines()[0] == (
        "-o app:db:file: 'app:db' is in memory, and each worker would have its own; give it a file"
    )


def test_a_kind_from_the_environment_is_told(tmp_path: Path) -> None:
    kind = "kind: '${env:DRIVER|queue.driver.memory}'"
    manifest = MANIFEST.replace("kind: queue.driver.memory", kind)
    folder = write_files(tmp_path, {"_index.yaml": manifest, "h.py": HANDLER})

    ended = execute("run", str(folder), "--only", "app:web")

    assert ended.code == 3
    assert (
        "'app:driver' is of kind queue.driver.memory, which works within one process" in ended.err
    )


def test_two_programs_over_one_file_are_one_application(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {"_index.yaml": DURABLE, "h.py": HANDLERS})
    with (
        running(folder, "--only", "migration,app:worker") as worker,
        running(folder, "--only", "app:gateway") as web,
    ):
        site = Site(web)
        assert site.ask("POST", "/", {"n": 1}).status == 200
        eventually(lambda: done(folder) == {1})

        assert "left out of this process: app:migration, app:worker" in web.messages
        assert "left out of this process: app:gateway" in worker.messages
        assert (web.stop(), worker.stop()) == (0, 0)


PARKED = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: a.db, lifecycle: {auto_start: false}}
  - {name: driver, kind: queue.driver.memory, lifecycle: {auto_start: false}}
  - {name: alone, kind: db.sql.sqlite, file: b.db, lifecycle: {auto_start: false}}
  - {name: q, kind: queue.queue, driver: driver}
  - {name: f, kind: function.python, source: file://h.py, modules: [sql]}
  - {name: g, kind: function.python, source: file://h.py, method: look, modules: [sql]}
  - {name: web, kind: http.service, addr: "127.0.0.1:0"}
  - {name: router, kind: http.router, meta: {server: web}}
  - {name: look, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: g}
  - {name: taker, kind: queue.consumer, queue: q, func: f}
"""
LOOKING = """
from runtime.modules import sql
def main(body): pass
async def look(): return await sql.get("db").query("SELECT 1")
"""


@pytest.mark.parametrize(
    ("started", "silent"),
    [
        ("app:taker", "db web"),
        ("app:web", "db"),  # nothing that runs names the driver of the queue
        ("app:web app:taker", "db"),
        ("app:web app:db", ""),
    ],
)
def test_what_is_named_and_does_not_start_is_told(
    started: str, silent: str, tmp_path: Path
) -> None:
    folder = write_files(tmp_path, {"_index.yaml": PARKED, "h.py": LOOKING})
    overrides = [Override.parse(f"{id}:lifecycle.auto_start=true") for id in started.split()]
    linked = link(read(folder, overrides), Registry())

    found = not_started(linked, select(linked))

    assert " ".join(id.name for id in found) == silent


def test_what_does_not_start_is_told_before_it_is_ready(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {"_index.yaml": PARKED, "h.py": LOOKING})
    with running(folder, "-o", "app:web:lifecycle.auto_start=true") as program:
        told = program.messages.index("not started: app:db (auto_start: false)")
        ready = next(n for n, text in enumerate(program.messages) if text.startswith("ready in"))

        assert told < ready
        assert program.stop() == 0
