"""The supervisor: in which order it starts and stops, and what a failure takes with it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any

import pytest

from runtime.service import Stage, StartError
from runtime.supervision.spec import ServiceSpec
from runtime.supervision.supervisor import Supervisor
from runtime.telemetry import Span, Telemetry
from tests.support.supervising import Diary, FakeService, Run, id_of, run, spec, supervisor


async def start_and_stop(specs: list[ServiceSpec], needs: dict[str, list[str]]) -> None:
    it = supervisor(specs, needs)
    assert await it.start()
    await it.stop()


@pytest.mark.parametrize("seed", range(5))
def test_200_services_start_by_need_and_stage_and_stop_by_stage(seed: int) -> None:
    chance = random.Random(seed)
    diary = Diary()
    stages = [chance.choice(list(Stage)) for _ in range(200)]
    names = [f"s{number}" for number in range(200)]
    specs = [
        spec(name, diary.service(name), stage=stage)
        for name, stage in zip(names, stages, strict=True)
    ]
    needs = {
        name: chance.sample(names[:number], min(number, chance.randrange(4)))
        for number, name in enumerate(names)
    }

    run(start_and_stop(specs, needs))

    started, stopped = diary.of("ready"), diary.of("stop")
    stage_of = dict(zip(names, stages, strict=True))
    assert sorted(started) == sorted(stopped) == sorted(names)
    for name, others in needs.items():
        assert all(started.index(other) < started.index(name) for other in others)
        for other in others:  # what needs something of its own stage is stopped before it
            if stage_of[other] is stage_of[name]:
                assert stopped.index(name) < stopped.index(other)
    assert [stage_of[name] for name in stopped] == sorted(stages, reverse=True)
    for position, name in enumerate(started):  # nothing free of a lower stage was passed over
        later = started[position + 1 :]
        free = [each for each in later if set(needs[each]) <= set(started[:position])]
        assert all(stage_of[each] >= stage_of[name] for each in free)


def test_members_of_a_stage_drain_together() -> None:
    services = [FakeService([Run(drains=5.0)]) for _ in range(3)]
    it_took: list[float] = []

    async def main() -> None:
        it = supervisor([spec(f"s{n}", service) for n, service in enumerate(services)])
        await it.start()
        began = asyncio.get_running_loop().time()
        await it.stop()
        it_took.append(asyncio.get_running_loop().time() - began)

    run(main())

    assert it_took[0] == pytest.approx(5.0, abs=0.1)


def test_a_stop_takes_at_most_the_sum_over_the_stages() -> None:
    async def main() -> float:
        stuck = [
            spec(f"s{stage}{n}", FakeService([Run(drains=None)]), stage=stage, stop_timeout=2.0)
            for stage in Stage
            for n in range(3)
        ]
        it = supervisor(stuck)
        await it.start()
        began = asyncio.get_running_loop().time()
        await it.stop()
        assert it.exit_code == 6
        assert asyncio.get_running_loop().time() - began <= it.budget
        return it.budget

    assert run(main()) == pytest.approx(len(Stage) * (2.0 + 1.0))


def test_what_nobody_asked_for_does_not_start_and_what_is_needed_does() -> None:
    diary = Diary()
    specs = [
        spec("driver", diary.service("driver"), stage=Stage.RESOURCE, auto_start=False),
        spec("idle", diary.service("idle"), stage=Stage.RESOURCE, auto_start=False),
        spec("consumer", diary.service("consumer"), stage=Stage.CONSUMER),
    ]

    # the need goes through `queue`, which does not run itself
    run(start_and_stop(specs, {"consumer": ["queue"], "queue": ["driver"]}))

    assert diary.of("ready") == ["driver", "consumer"]


def test_a_failure_in_the_middle_of_a_start_stops_what_was_started() -> None:
    diary = Diary()
    broken = diary.service("b", Run(lasts=0, ends=StartError("the port is taken")))

    async def main() -> Supervisor:
        it = supervisor([spec(n, s) for n, s in (("a", diary.service("a")), ("b", broken))])
        assert not await it.start()
        await it.stop()
        return it

    it = run(main())

    assert it.exit_code == 4
    assert it.start_failed == "app:b could not start: the port is taken"
    assert diary.of("drained") == ["a"]


def test_a_service_that_fails_for_good_takes_only_its_dependents_with_it() -> None:
    diary = Diary()

    async def main() -> Supervisor:
        it = supervisor(
            [
                spec(
                    "failing",
                    diary.service("failing", Run(lasts=1.0, ends=ValueError("no"))),
                    stage=Stage.RESOURCE,
                    max_attempts=1,
                ),
                spec("dependent", diary.service("dependent"), stage=Stage.SERVER),
                spec("other", diary.service("other"), stage=Stage.SERVER),
            ],
            {"dependent": ["failing"]},
        )
        assert await it.start()
        assert it.ready
        await asyncio.sleep(5.0)  # of the loop's own clock, which jumps
        assert not it.ready
        assert diary.of("drained") == ["dependent"]
        await it.stop()
        return it

    it = run(main())

    assert diary.of("drained") == ["dependent", "other"]
    assert it.exit_code == 5


def test_the_exit_code_is_the_gravest_that_applies() -> None:
    async def main() -> int:
        both: list[ServiceSpec] = [
            spec("bad", FakeService([Run(lasts=1.0, ends=1)]), max_attempts=1),
            spec("stuck", FakeService([Run(drains=None)])),
        ]
        it = supervisor(both)
        await it.start()
        await asyncio.sleep(2.0)
        await it.stop()
        assert it.children[id_of("stuck")].overran
        return it.exit_code

    assert run(main()) == 5


def test_a_start_that_hangs_says_who_waits(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        it = supervisor(
            [
                spec("slow", FakeService([Run(ready_after=4.0)])),
                spec("next", FakeService()),
            ]
        )
        assert await it.start()
        await it.stop()

    with caplog.at_level(logging.WARNING):
        run(main())

    (told,) = [each.getMessage() for each in caplog.records if each.name.startswith("runtime")]
    assert told == "app:slow is not ready yet; waiting for it: app:next"


def test_a_stop_during_the_start_leaves_the_rest_alone() -> None:
    diary = Diary()

    async def main() -> None:
        it = supervisor(
            [
                spec("slow", diary.service("slow", Run(ready_after=8.0))),
                spec("never", diary.service("never")),
            ]
        )
        starting = asyncio.create_task(it.start())
        await asyncio.sleep(1.0)
        await it.stop()
        assert not await starting
        assert it.exit_code == 0

    run(main())

    assert diary.of("start") == ["slow"]


class Listener:
    """Keeps the changes of state that it hears of."""

    def __init__(self) -> None:
        self.states: list[tuple[str, str, int]] = []

    def span_started(self, span: Span) -> None: ...

    def span_ended(self, span: Span) -> None: ...

    def event(self, name: str, entry: str, span: Span | None, fields: Mapping[str, Any]) -> None:
        assert name == "service.state"
        self.states.append((entry, fields["state"], fields["attempt"]))


def test_telemetry_hears_of_every_change_of_state() -> None:
    heard = Listener()
    failing = FakeService([Run(lasts=1.0, ends=ValueError("no")), Run()])

    async def main() -> None:
        it = supervisor([spec("it", failing)], telemetry=Telemetry(heard))
        await it.start()
        await asyncio.sleep(5.0)
        await it.stop()

    run(main())

    assert heard.states == [
        ("app:it", "starting", 1),
        ("app:it", "running", 1),
        ("app:it", "failed", 1),
        ("app:it", "starting", 2),
        ("app:it", "running", 2),
        ("app:it", "stopping", 2),
        ("app:it", "stopped", 2),
    ]
