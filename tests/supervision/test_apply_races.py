"""Supervisor.apply beside a start, a stop, a failure or another change."""

from __future__ import annotations

import asyncio

import pytest

from runtime.exit_codes import ExitCode
from runtime.service import Stage
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


def test_two_changes_at_once_are_made_one_after_the_other() -> None:
    diary = Diary()
    slow = diary.service("slow", Run(ready_after=5.0))

    async def main() -> None:
        it = supervisor([])
        await it.start()
        first = asyncio.create_task(apply(it, [spec("slow", slow)]))
        await asyncio.sleep(1)
        second = asyncio.create_task(apply(it, [spec("quick", diary.service("quick"))]))
        assert await first
        assert await second
        assert diary.entries[:3] == [("slow", "start"), ("slow", "ready"), ("slow", "stop")]
        assert diary.of("ready") == ["slow", "quick"]
        assert [str(id) for id in it.children] == ["app:quick"]
        await it.stop()

    run(main())


def test_a_change_waits_for_the_first_start() -> None:
    diary = Diary()
    slow = diary.service("slow", Run(ready_after=5.0))

    async def main() -> None:
        it = supervisor([spec("slow", slow)])
        starting = asyncio.create_task(it.start())
        await asyncio.sleep(1)
        assert await apply(it, [spec("slow", slow), spec("new", diary.service("new"))])
        assert starting.result()
        assert diary.of("ready") == ["slow", "new"]
        await it.stop()

    run(main())


def test_a_stopping_application_refuses_a_change() -> None:
    async def main() -> None:
        it = supervisor([spec("slow", FakeService([Run(drains=5.0)]))])
        await it.start()
        stopping = asyncio.create_task(it.stop())
        await asyncio.sleep(1)
        with pytest.raises(RuntimeError, match="the application is stopping"):
            await apply(it, [])
        await stopping

    run(main())


@pytest.mark.parametrize("seconds", [1.0, 4.0], ids=["while the old stop", "while the new start"])
def test_a_stop_in_the_middle_of_a_change_stops_all(seconds: float) -> None:
    diary = Diary()
    old = diary.service("old", Run(drains=3.0))
    new = diary.service("new", Run(ready_after=3.0))

    async def main() -> None:
        it = supervisor([spec("old", old)])
        await it.start()
        changing = asyncio.create_task(
            apply(it, [spec("new", new), spec("never", diary.service("never"))])
        )
        await asyncio.sleep(seconds)
        await it.stop()
        assert not any(child.alive for child in it.children.values())
        assert not await changing
        assert diary.of("drained")[0] == "old"
        assert len(old.ended) == 1
        assert len(new.began) == len(new.ended)
        assert "never" not in diary.of("start")
        assert it.exit_code is ExitCode.OK

    run(main())


def test_a_service_that_fails_while_another_leaves_takes_its_dependents_with_it() -> None:
    diary = Diary()
    failing = diary.service("failing", Run(lasts=2.0, ends=ValueError("no")))
    web = diary.service("web")
    needs = {"web": ["failing"]}

    async def main() -> None:
        specs = [spec("failing", failing, max_attempts=1), spec("web", web)]
        it = supervisor([*specs, spec("old", diary.service("old", Run(drains=5.0)))], needs)
        await it.start()
        assert await apply(it, specs, needs)
        assert not it.ready
        assert diary.of("drained") == ["web", "old"]
        assert it.exit_code is ExitCode.SERVICE_FAILED
        await it.stop()

    run(main())


def test_a_change_waits_for_what_stops_because_of_a_failure() -> None:
    diary = Diary()
    broken = diary.service("broken", Run(lasts=1.0, ends=ValueError("no")))
    needs = {"web": ["broken"], "job": ["broken"]}

    async def main() -> None:
        dependents = [
            spec("job", diary.service("job")),
            spec("web", diary.service("web", Run(drains=3.0)), stage=Stage.SERVER),
        ]
        it = supervisor([spec("broken", broken, max_attempts=1), *dependents], needs)
        await it.start()
        await asyncio.sleep(2)
        assert it.children[id_of("web")].state is State.STOPPING
        assert it.children[id_of("job")].state is State.RUNNING  # its turn comes after the server
        assert await apply(it, [spec("broken", diary.service("fixed")), *dependents], needs)
        assert diary.of("drained") == ["web", "job"]
        assert diary.of("ready") == ["broken", "job", "web", "fixed", "job", "web"]
        assert it.ready
        await it.stop()

    run(main())


def test_a_service_that_fails_while_it_leaves_takes_nothing_with_it() -> None:
    diary = Diary()
    web = diary.service("web")
    db = diary.service("db", Run(lasts=2.0, ends=ValueError("no")))

    async def main() -> None:
        specs = [
            spec("db", db, stage=Stage.RESOURCE, max_attempts=1),
            spec("web", web, stage=Stage.SERVER),
            spec("old", diary.service("old", Run(drains=5.0)), stage=Stage.SERVER),
        ]
        it = supervisor(specs, {"web": ["db"]})
        await it.start()
        assert await apply(it, [specs[1]])
        assert diary.of("drained") == ["old"]
        assert it.ready
        assert it.exit_code is ExitCode.OK
        await it.stop()

    run(main())
