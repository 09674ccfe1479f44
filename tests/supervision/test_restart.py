"""Supervisor.restart: one service by hand, with those that need it and nobody else."""

from __future__ import annotations

import asyncio

import pytest

from runtime.supervision.child import State
from tests.support.supervising import Diary, FakeService, Run, id_of, run, spec, supervisor


def test_those_that_need_it_stop_before_it_and_start_after_it() -> None:
    diary = Diary()
    db, queue, other = (diary.service(name) for name in ("db", "queue", "other"))

    async def main() -> None:
        services = [spec("db", db), spec("queue", queue), spec("other", other)]
        it = supervisor(services, {"queue": ["db"]})
        await it.start()
        diary.entries.clear()
        await it.restart(id_of("db"))
        assert diary.of("end") == ["queue", "db"]
        assert diary.of("start") == ["db", "queue"]
        assert "other" not in {name for name, _ in diary.entries}
        assert {child.state for child in it.children.values()} == {State.RUNNING}
        assert it.ready
        await it.stop()

    run(main())


def test_what_has_ended_well_is_not_run_again() -> None:
    diary = Diary()
    db = diary.service("db")
    migration = diary.service("migration", Run(lasts=0.0, ends=0))

    async def main() -> None:
        it = supervisor([spec("db", db), spec("migration", migration)], {"migration": ["db"]})
        await it.start()
        await it.restart(id_of("db"))
        assert diary.of("start") == ["db", "migration", "db"]
        await it.stop()

    run(main())


def test_one_that_has_failed_for_good_runs_again() -> None:
    service = FakeService([Run(lasts=1.0, ends=ValueError("no")), Run()])

    async def main() -> None:
        it = supervisor([spec("a", service, max_attempts=1)])
        await it.start()
        await asyncio.sleep(10)
        assert not it.ready
        await it.restart(id_of("a"))
        await asyncio.sleep(10)
        assert it.children[id_of("a")].state is State.RUNNING
        assert it.ready
        await it.stop()

    run(main())


def test_who_is_not_there_cannot_be_restarted_and_nobody_during_the_stop() -> None:
    async def main() -> None:
        it = supervisor([spec("a", FakeService())])
        await it.start()
        with pytest.raises(LookupError, match="there is no service 'app:b'"):
            await it.restart(id_of("b"))
        await it.stop()
        with pytest.raises(RuntimeError, match="is stopping"):
            await it.restart(id_of("a"))

    run(main())
