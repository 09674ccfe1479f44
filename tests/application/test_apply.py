"""A changed manifest, applied to an application that is served: only the difference moves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from runtime.application.application import Application
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.registry import Registry
from runtime.service import StartError
from tests.support.blackbox import write_files
from tests.support.serving import Client, run

COMMON = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /tasks, func: put}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /old, func: show}
  - {name: put, kind: function.python, source: file://put.py, modules: [http, queue]}
  - {name: show, kind: function.python, source: file://h.py, method: show}
  - {name: take, kind: function.python, source: file://h.py, method: take}
  - {name: driver, kind: queue.driver.memory, lifecycle: {auto_start: true}}
  - {name: tasks, kind: queue.queue, driver: driver, retry: {initial_delay: 1s}}
  - {name: other, kind: queue.queue, driver: driver}
  - name: worker
    kind: queue.consumer
    queue: other
    func: take
    lifecycle: {auto_start: true, requires: [host]}
  - {name: host, kind: process.host, lifecycle: {auto_start: true}}
  - {name: poll, kind: process.python, source: file://h.py, method: poll}
"""
POLLER = """
  - {name: poller, kind: process.service, process: poll, host: host, lifecycle: {auto_start: true}}
"""
LATE = """
  - {name: late, kind: queue.consumer, queue: tasks, func: take, lifecycle: {auto_start: true}}
"""
BEFORE = COMMON + POLLER
AFTER = COMMON.replace("/old", "/new").replace("initial_delay: 1s", "initial_delay: 5s") + LATE
FILES = {
    "put.py": """
        from runtime.modules import http, queue

        async def main():
            await queue.publish("tasks", await http.request().json())
    """,
    "h.py": """
        import asyncio

        taken = []
        all_taken = asyncio.Event()

        async def take(body):
            taken.append(body)
            if len(taken) == 3:
                all_taken.set()

        async def show(body=None):
            await asyncio.wait_for(all_taken.wait(), 10)
            return taken

        async def poll(value=None):
            await asyncio.sleep(1000)
    """,
}


class Site:
    """A served application in this process, and a connection to it."""

    def __init__(self, application: Application, folder: Path, client: Client) -> None:
        self.application = application
        self.client = client
        self._folder = folder

    async def apply(self, manifest: str) -> None:
        await self.application.apply(linked(self._folder, manifest))

    def component(self, name: str) -> Any:
        return self.application.scope.component(name, "app")


def linked(folder: Path, manifest: str) -> LinkedManifest:
    write_files(folder, {"_index.yaml": manifest, **FILES})
    return link(read(folder), Registry())


@contextlib.asynccontextmanager
async def served(
    folder: Path, manifest: str = BEFORE, code: ExitCode = ExitCode.OK
) -> AsyncIterator[Site]:
    """Serve the application, and check in the end that it stops with that exit code."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[Sequence[str]] = loop.create_future()
    application = Application(linked(folder, manifest), on_ready=ready.set_result)
    stop = asyncio.Event()
    serving = asyncio.create_task(application.serve(stop))
    try:
        (address,) = await asyncio.wait_for(ready, 10)
        port = int(address.rpartition(":")[2])
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        yield Site(application, folder, client)
        await client.close()
    finally:
        stop.set()
        ended = await asyncio.wait_for(serving, 20)
        application.forget()
    assert ended is code


def changes(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What services did since the log was cleared, without times."""
    texts = [each.getMessage() for each in caplog.records if each.name.startswith("runtime")]
    return [text.partition(" (")[0] for text in texts]


def test_only_what_changed_stops_and_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with served(tmp_path) as site:
            for number in (1, 2, 3):
                await site.client.get("/tasks", method="POST", body=str(number).encode())
            before = dict(site.application.scope.components)
            caplog.clear()

            await site.apply(AFTER)

            assert changes(caplog) == ["app:poller has stopped", "app:late is running"]
            # the same connection, the same listener, and the messages that waited
            assert (await site.client.get("/old")).status == 404
            assert sorted((await site.client.get("/new")).json()) == [1, 2, 3]
            after = site.application.scope.components
            same = {id.name for id in before if after.get(id) is before[id]}
            assert before.keys() - after.keys() == {EntryId("app", "poller")}
            assert {id.name for id in before} - same == {"get", "tasks", "poller"}

    run(main())


def test_an_unchanged_manifest_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with served(tmp_path) as site:
            before = dict(site.application.scope.components)
            caplog.clear()
            await site.apply(BEFORE)
            assert changes(caplog) == []
            assert site.application.scope.components == before

    run(main())


def test_a_change_and_its_reverse_lead_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with served(tmp_path) as site:
            await site.apply(AFTER)
            caplog.clear()
            await site.apply(BEFORE)
            assert changes(caplog) == ["app:late has stopped", "app:poller is running"]
            assert (await site.client.get("/new")).status == 404

    run(main())


@pytest.mark.parametrize(
    ("right", "wrong", "replaced"),
    [
        ("method: take", "method: show", {"take", "worker"}),
        ("queue.driver.memory,", "queue.driver.memory, meta: {a: b},", set()),
        ("func: take\n", "func: take\n    concurrency: 2\n", {"worker"}),
        ("kind: process.host,", "kind: process.host, max_processes: 3,", {"host", "poller"}),
        ("requires: [host]", "requires: [driver]", set()),
        ("process: poll,", "process: poll, input: [1],", {"poller"}),
    ],
)
def test_a_component_is_built_again_if_its_config_or_a_reference_changed(
    right: str, wrong: str, replaced: set[str], tmp_path: Path
) -> None:
    assert right in BEFORE

    async def main() -> None:
        async with served(tmp_path) as site:
            before = dict(site.application.scope.components)
            await site.apply(BEFORE.replace(right, wrong))
            after = site.application.scope.components
            assert {id.name for id in before if after[id] is not before[id]} == replaced

    run(main())


def test_a_number_is_no_truth(tmp_path: Path) -> None:
    manifest = BEFORE.replace("process: poll,", "process: poll, input: [VALUE],")

    async def main() -> None:
        async with served(tmp_path, manifest.replace("VALUE", "1")) as site:
            before = site.component("poller")
            await site.apply(manifest.replace("VALUE", "true"))
            assert site.component("poller") is not before

    run(main())


def test_handlers_see_the_entries_of_the_new_manifest(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path) as site:
            scope = site.application.scope
            assert scope.id("poller", "app") == EntryId("app", "poller")
            await site.apply(AFTER)
            with pytest.raises(LookupError):
                scope.id("poller", "app")
            assert scope.fields[EntryId("app", "tasks")]["retry"] == {"initial_delay": "5s"}

    run(main())


def test_a_handler_that_cannot_be_imported_leaves_all_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    broken = "  - {name: broken, kind: function.python, source: file://broken.py}\n"
    (tmp_path / "broken.py").write_text("def main(): pass\n1 / 0\n")

    async def main() -> None:
        async with served(tmp_path) as site:
            before = dict(site.application.scope.components)
            caplog.clear()
            with pytest.raises(StartError, match="ZeroDivisionError"):
                await site.apply(AFTER + broken)
            assert changes(caplog) == []
            assert site.application.scope.components == before
            assert (await site.client.get("/new")).status == 404

    run(main())


def test_parts_that_cannot_be_served_leave_the_old_ones_in_place(tmp_path: Path) -> None:
    files = (
        "  - {name: files, kind: http.static, meta: {server: gateway}, path: /s, directory: no}\n"
    )

    async def main() -> None:
        async with served(tmp_path) as site:
            with pytest.raises(StartError):
                await site.apply(AFTER + files)
            assert (await site.client.get("/new")).status == 404
            posted = await site.client.get("/tasks", method="POST", body=b"1")
            assert posted.status == 204

    run(main())


def test_a_service_that_cannot_start_is_told_and_the_others_run(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path, code=ExitCode.START_FAILED) as site:
            other = BEFORE + f"  - {{name: second, kind: http.service, addr: '{address(site)}', "
            with pytest.raises(StartError, match=r"app:second could not start: .* is in use"):
                await site.apply(other + "lifecycle: {auto_start: true}}\n")
            assert (await site.client.get("/tasks", method="POST", body=b"1")).status == 204

    run(main())


def address(site: Site) -> str:
    host, port = site.client.writer.get_extra_info("peername")
    return f"{host}:{port}"


def test_an_application_that_does_not_run_refuses_a_change(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path) as site:
            application = site.application
            unbuilt = Application(application.linked)
            with pytest.raises(RuntimeError, match="does not run"):
                await unbuilt.apply(application.linked)
        with pytest.raises(RuntimeError, match="is stopping"):
            await application.apply(application.linked)

    run(main())


def test_changes_at_once_are_made_one_after_the_other(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path) as site:
            manifests = [linked(tmp_path, text) for text in (AFTER, BEFORE, AFTER)]
            changing = (site.application.apply(each) for each in manifests)
            await asyncio.gather(*changing)
            assert site.application.linked is manifests[-1]
            assert (await site.client.get("/old")).status == 404

    run(main())


DRIVER = """
namespace: app
entries:
  - {name: d, kind: queue.driver.memory, lifecycle: {auto_start: true}}
"""


def test_the_parent_of_workers_hears_of_the_new_budget(tmp_path: Path) -> None:
    budgets: list[float] = []

    async def main() -> None:
        before = linked(tmp_path, "namespace: app\nentries: []\n")
        application = Application(before, on_budget=budgets.append)
        stop = asyncio.Event()
        serving = asyncio.create_task(application.serve(stop))
        await asyncio.sleep(0)
        entry = (
            "namespace: app\nentries:\n- {name: d, kind: queue.driver.memory, lifecycle: LIFE}\n"
        )
        await application.apply(linked(tmp_path, entry.replace("LIFE", "{auto_start: true}")))
        stop.set()
        assert await serving == 0

    run(main())

    assert budgets == [0, 11]
