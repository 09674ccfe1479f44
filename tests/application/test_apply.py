"""A changed manifest, applied to an application that is served: only the difference moves."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from runtime.application.application import Application
from runtime.entry_id import EntryId
from tests.support.changing import AFTER, BEFORE, changes, linked, served
from tests.support.serving import run


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
            assert {id.name for id in before} - same == {"get", "poller"}

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
        ("method: take", "method: show", {"take"}),
        ("queue.driver.memory,", "queue.driver.memory, meta: {a: b},", set()),
        ("func: take\n", "func: take\n    prefetch: 2\n", {"worker"}),
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
        ready = asyncio.Event()
        application = Application(before, on_ready=lambda _: ready.set(), on_budget=budgets.append)
        stop = asyncio.Event()
        serving = asyncio.create_task(application.serve(stop))
        await ready.wait()
        await application.apply(linked(tmp_path, DRIVER))
        stop.set()
        assert await serving == 0

    run(main())

    assert budgets == [0, 11]
