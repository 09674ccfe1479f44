"""Supervisor.apply: of two sets of services, only the difference stops and starts."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from runtime.backoff import Backoff
from runtime.exit_codes import ExitCode
from runtime.service import Stage, StartError
from runtime.supervision.child import StartFailed, State
from runtime.supervision.transition import Unchanged
from tests.support.supervising import (
    Diary,
    FakeService,
    Run,
    apply,
    graph_of,
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


def test_a_new_component_replaces_a_service_and_another_lifecycle_does_not() -> None:
    diary = Diary()
    same, first, second = (diary.service(name) for name in ("same", "first", "second"))

    async def main() -> None:
        it = supervisor([spec("a", same), spec("b", first)])
        await it.start()
        diary.entries.clear()
        await apply(it, [spec("a", same, stop_timeout=3.0), spec("b", second)])
        assert diary.of("drained") == ["first"]
        assert diary.of("ready") == ["second"]
        assert it.children[id_of("a")].lifecycle.stop_timeout == 3.0
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


def test_a_service_that_does_not_start_puts_all_back_as_it_was() -> None:
    diary = Diary()
    kept, old = diary.service("kept"), diary.service("old")
    taken = diary.service("taken", Run(lasts=0, ends=StartError("the port is taken")), Run())
    other = diary.service("other")

    async def main() -> None:
        before = [spec("kept", kept), spec("old", old), spec("job", diary.service("first"))]
        it = supervisor(before)
        await it.start()
        specs = [spec("kept", kept, stop_timeout=1.0), spec("job", other), spec("taken", taken)]
        diary.entries.clear()
        with pytest.raises(StartFailed, match="app:taken could not start: the port is taken"):
            await apply(it, [*specs, spec("later", diary.service("later"))])
        assert diary.of("start") == ["other", "taken", "old", "first"]
        assert diary.of("drained") == ["old", "first", "other"]
        assert [str(id) for id in it.children] == ["app:kept", "app:old", "app:job"]
        assert {child.state for child in it.children.values()} == {State.RUNNING}
        assert it.children[id_of("kept")].lifecycle.stop_timeout == 10.0
        assert it.exit_code is ExitCode.OK
        assert it.ready

        assert await apply(it, specs)
        assert it.exit_code is ExitCode.OK
        await it.stop()

    run(main())


def test_what_cannot_start_again_once_it_is_put_back_is_restarted_by_its_policy() -> None:
    diary = Diary()
    gone = [Run(), Run(lasts=0, ends=StartError("not yet")), Run()]
    old = diary.service("old", *gone)
    bad = diary.service("bad", Run(lasts=0, ends=StartError("no")))

    async def main() -> None:
        it = supervisor([spec("old", old)])
        await it.start()
        with pytest.raises(StartFailed):
            await apply(it, [spec("new", bad)])
        await asyncio.sleep(60)
        assert it.children[id_of("old")].state is State.RUNNING
        assert len(old.began) == 3
        await it.stop()

    run(main())


def test_resources_start_beside_those_that_they_replace() -> None:
    diary = Diary()
    first, second, web = diary.service("first"), diary.service("second"), diary.service("web")
    needs = {"web": ["db"]}

    class Noted(Unchanged):
        def commit(self) -> None:
            diary.entries.append(("all", "commit"))

        async def released(self, limit: float) -> None:
            diary.entries.append(("all", "released"))

    async def main() -> None:
        server = spec("web", web, Stage.SERVER)
        it = supervisor([spec("db", first, Stage.RESOURCE), server], needs)
        await it.start()
        diary.entries.clear()
        specs = {each.id: each for each in [spec("db", second, Stage.RESOURCE), server]}
        graph = graph_of(specs.values(), needs)
        assert await it.apply(specs, graph, exchange=Noted())
        assert diary.entries == [
            ("second", "start"),
            ("second", "ready"),
            ("all", "commit"),
            ("all", "released"),
            ("first", "stop"),
            ("first", "drained"),
            ("first", "end"),
        ]
        await it.stop()

    run(main())


def test_a_resource_that_does_not_start_changes_nothing() -> None:
    diary = Diary()
    bad = diary.service("bad", Run(lasts=0, ends=StartError("no")))

    async def main() -> None:
        it = supervisor([spec("db", diary.service("db"), Stage.RESOURCE)])
        await it.start()
        child = it.children[id_of("db")]
        with pytest.raises(StartFailed):
            await apply(it, [spec("db", bad, Stage.RESOURCE)])
        assert it.children == {id_of("db"): child}
        assert child.state is State.RUNNING
        await it.stop()

    run(main())


def test_what_may_run_beside_its_predecessor_starts_before_that_stops() -> None:
    diary = Diary()
    first, second = diary.service("first"), diary.service("second")

    async def main() -> None:
        it = supervisor([spec("web", first, Stage.SERVER)])
        await it.start()
        after = structs.replace(spec("web", second, Stage.SERVER), coexists=lambda old: True)
        assert await apply(it, [after])
        assert diary.of("ready") == ["first", "second"]
        assert diary.entries.index(("second", "ready")) < diary.entries.index(("first", "stop"))
        assert first.ended
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
