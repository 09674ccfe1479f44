"""Supervisor.apply: of two sets of services, only the difference stops and starts."""

from __future__ import annotations

import asyncio

import pytest

from runtime.backoff import Backoff
from runtime.exit_codes import ExitCode
from runtime.service import Stage, StartError
from runtime.supervision.child import State
from tests.support.supervising import (
    Diary,
    FakeService,
    Run,
    apply,
    id_of,
    run,
    spec,
    supervisor,
)


def test_only_the_difference_stops_and_starts() -> None:
    diary = Diary()
    kept, gone, new = (diary.service(name) for name in ("kept", "gone", "new"))

    async def main() -> None:
        it = supervisor([spec("kept", kept), spec("gone", gone)])
        await it.start()
        diary.entries.clear()
        assert await apply(it, [spec("kept", kept), spec("new", new)])
        assert diary.entries == [
            ("gone", "stop"),
            ("gone", "drained"),
            ("gone", "end"),
            ("new", "start"),
            ("new", "ready"),
        ]
        assert [str(id) for id in it.children] == ["app:kept", "app:new"]
        assert it.ready
        await it.stop()

    run(main())


def test_a_new_component_or_another_lifecycle_replaces_a_service() -> None:
    diary = Diary()
    same, first, second = (diary.service(name) for name in ("same", "first", "second"))

    async def main() -> None:
        it = supervisor([spec("a", same), spec("b", first)])
        await it.start()
        diary.entries.clear()
        await apply(it, [spec("a", same, stop_timeout=3.0), spec("b", second)])
        assert sorted(diary.of("drained")) == ["first", "same"]
        assert diary.of("ready") == ["same", "second"]
        assert it.budget == pytest.approx(10 + 1)
        await it.stop()

    run(main())


def test_what_leaves_stops_by_stage_and_dependents_first() -> None:
    diary = Diary()
    stages = {
        "db": Stage.RESOURCE,
        "pool": Stage.RESOURCE,
        "job": Stage.PROCESS,
        "web": Stage.SERVER,
    }

    async def main() -> None:
        specs = [spec(name, diary.service(name), stage=stage) for name, stage in stages.items()]
        it = supervisor(specs, {"pool": ["db"]})
        await it.start()
        await apply(it, [])
        assert diary.of("drained") == ["web", "job", "pool", "db"]
        assert it.children == {}
        assert await apply(it, specs, {"pool": ["db"]})
        assert diary.of("ready")[4:] == ["db", "pool", "job", "web"]
        await it.stop()

    run(main())


def test_what_needs_a_replaced_service_by_order_only_is_not_touched() -> None:
    diary = Diary()
    web = diary.service("web")

    async def main() -> None:
        it = supervisor([spec("db", diary.service("old")), spec("web", web)], {"web": ["db"]})
        await it.start()
        await apply(it, [spec("db", diary.service("new")), spec("web", web)], {"web": ["db"]})
        assert diary.of("drained") == ["old"]
        assert diary.of("ready") == ["old", "web", "new"]
        await it.stop()

    run(main())


def test_a_service_that_ended_well_is_not_run_again() -> None:
    diary = Diary()
    once = diary.service("once", Run(lasts=1.0))

    async def main() -> None:
        it = supervisor([spec("once", once)])
        await it.start()
        await asyncio.sleep(2)
        await apply(it, [spec("once", once), spec("new", diary.service("new"))])
        assert diary.of("start") == ["once", "new"]
        assert it.ready
        await it.stop()

    run(main())


def test_a_failed_service_and_what_stopped_with_it_start_again() -> None:
    diary = Diary()
    broken = diary.service("broken", Run(lasts=1.0, ends=ValueError("no")), Run())
    web = diary.service("web")
    needs = {"web": ["broken"]}

    async def main() -> None:
        specs = [spec("broken", broken, max_attempts=1), spec("web", web)]
        it = supervisor(specs, needs)
        await it.start()
        await asyncio.sleep(5)
        assert it.exit_code is ExitCode.SERVICE_FAILED
        assert diary.of("drained") == ["web"]

        assert await apply(it, specs, needs)
        assert diary.of("ready") == ["broken", "web", "broken", "web"]
        assert it.ready
        assert it.exit_code is ExitCode.OK
        await it.stop()

    run(main())


def test_a_service_that_cannot_start_is_told_as_at_the_first_start() -> None:
    diary = Diary()
    kept = diary.service("kept")
    taken = diary.service("taken", Run(lasts=0, ends=StartError("the port is taken")), Run())

    async def main() -> None:
        it = supervisor([spec("kept", kept)])
        await it.start()
        specs = [spec("kept", kept), spec("taken", taken), spec("later", diary.service("later"))]
        assert not await apply(it, specs)
        assert it.start_failed == "app:taken could not start: the port is taken"
        assert it.exit_code is ExitCode.START_FAILED
        assert not it.ready
        assert it.children[id_of("kept")].state is State.RUNNING
        assert "later" not in diary.of("start")

        assert await apply(it, specs)
        assert it.exit_code is ExitCode.OK
        assert diary.of("ready") == ["kept", "taken", "later"]
        await it.stop()

    run(main())


def test_an_abandoned_run_is_never_run_beside_itself() -> None:
    stuck = FakeService([Run(lasts=1.0, ends=ValueError("no")), Run(ready_after=None, drains=None)])

    async def main() -> None:
        policy = Backoff(initial_delay=1)
        limits = {"max_attempts": 2, "start_timeout": 3.0, "stop_timeout": 1.0}
        specs = [spec("stuck", stuck, restart=policy, **limits)]
        it = supervisor(specs)
        await it.start()
        await asyncio.sleep(20)
        began = len(stuck.began)
        await apply(it, specs)
        assert len(stuck.began) == began
        await it.stop()

    run(main())
