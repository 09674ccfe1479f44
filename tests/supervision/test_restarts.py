"""Restarts: when a failed service is started again, and when it has failed for good."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from runtime.backoff import Backoff
from runtime.service import Ready, StartError, Unavailable
from runtime.supervision.child import Child
from tests.support.clock import FakeClock
from tests.support.supervising import FakeService, Run, child, run, spec

CRASH = Run(lasts=1, ends=ValueError("broken"))
STEADY = Backoff(initial_delay=1, backoff_factor=2, max_delay=10, jitter=0)


def gaps(service: FakeService) -> list[float]:
    """Seconds between the end of a run and the start of the next."""
    return [
        pytest.approx(began - ended)
        for ended, began in zip(service.ended, service.began[1:], strict=False)
    ]


def test_gaps_between_runs_follow_the_policy() -> None:
    async def main() -> None:
        service = FakeService([CRASH])
        it, _ = child(service, restart=STEADY)
        await it.start()
        await asyncio.sleep(40)
        assert gaps(service)[:6] == [1, 2, 4, 8, 10]
        await it.stop(10)

    run(main())


@pytest.mark.slow
def test_jitter_keeps_each_gap_within_its_share() -> None:
    async def main() -> None:
        service = FakeService([CRASH])
        policy = Backoff(initial_delay=1, backoff_factor=1, jitter=0.5)
        it, _ = child(service, restart=policy)
        await it.start()
        await asyncio.sleep(400)
        await it.stop(10)
        found = [b - a for a, b in zip(service.ended, service.began[1:], strict=False)]
        assert all(0.5 <= gap <= 1.5 + 1e-6 for gap in found)
        assert max(found) - min(found) > 0.3

    run(main())


def test_a_run_longer_than_the_stable_threshold_resets_the_backoff() -> None:
    async def main() -> None:
        long = Run(lasts=6, ends=ValueError("at last"))
        service = FakeService([CRASH, CRASH, CRASH, long, CRASH, Run()])
        it, _ = child(service, restart=STEADY, stable_threshold=5)
        await it.start()
        await asyncio.sleep(100)
        assert gaps(service) == [1, 2, 4, 1, 2]
        await it.stop(10)

    run(main())


def test_a_run_as_long_as_the_threshold_resets_nothing() -> None:
    async def main() -> None:
        service = FakeService([CRASH, Run(lasts=4.9, ends=ValueError("no")), Run()])
        it, _ = child(service, restart=STEADY, stable_threshold=5)
        await it.start()
        await asyncio.sleep(100)
        assert gaps(service) == [1, 2]
        await it.stop(10)

    run(main())


@pytest.mark.parametrize("ends", [ValueError("broken"), 3, StartError("no"), Unavailable("yet")])
def test_a_spent_budget_is_failure_for_good(ends: BaseException | int) -> None:
    async def main() -> None:
        service = FakeService([Run(lasts=1, ends=ends)])
        it, states = child(service, max_attempts=3)
        await it.start()
        assert not it.failed_for_good
        await asyncio.sleep(1000)
        assert it.failed_for_good
        assert len(service.began) == 3
        assert not it.alive
        assert states[-1] == "failed"
        await it.stop(10)
        assert it.state == "failed"

    run(main())


def test_a_start_error_after_a_good_start_is_tried_again_by_the_restart_policy() -> None:
    async def main() -> None:
        taken = Run(lasts=0, ends=StartError("the port is taken"))
        service = FakeService([Run(lasts=20, ends=ValueError("broken")), taken, taken, Run()])
        it, states = child(service, restart=STEADY, stable_threshold=5)
        await it.start()
        await asyncio.sleep(100)
        assert gaps(service) == [1, 2, 4]
        assert states[-1] == "running"
        await it.stop(10)

    run(main())


def test_what_is_not_there_yet_is_tried_again_until_it_is() -> None:
    async def main() -> None:
        away = Run(lasts=0, ends=Unavailable("refused"))
        service = FakeService([away, away, Run()])
        it, states = child(service, restart=STEADY, start_timeout=10)
        await it.start()
        assert gaps(service) == [1, 2]
        assert states[-1] == "running"
        await it.stop(10)

    run(main())


def test_a_restart_that_goes_on_although_it_was_cancelled_is_not_run_twice() -> None:
    async def main() -> None:
        stuck = Run(ready_after=None, drains=None)
        service = FakeService([CRASH, stuck])
        it, _ = child(service, restart=STEADY, start_timeout=3)
        service._do = _stuck_after_first(service)  # type: ignore[method-assign]
        await it.start()
        await asyncio.sleep(100)
        assert it.failed_for_good
        assert len(service.began) == 2

    run(main())


def _stuck_after_first(service: FakeService):  # type: ignore[no-untyped-def]
    do = FakeService._do

    async def once(plan, ready, stop):  # type: ignore[no-untyped-def]
        if len(service.began) == 1:
            return await do(service, plan, ready, stop)
        until = asyncio.get_running_loop().time() + 500
        while asyncio.get_running_loop().time() < until:
            try:
                await asyncio.sleep(500)
            except asyncio.CancelledError:
                continue

    return once


def test_a_stop_during_the_backoff_ends_the_waiting() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        service = FakeService([CRASH])
        it, _ = child(service, restart=Backoff(initial_delay=60))
        await it.start()
        await asyncio.sleep(5)
        before = loop.time()
        await it.stop(10)
        assert loop.time() == before
        assert it.state == "stopped"
        assert len(service.began) == 1

    run(main())


def test_an_exception_without_a_text_does_not_lose_the_service(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    async def main() -> None:
        service = FakeService([Run(lasts=1, ends=Mute()), Run()])
        it, _ = child(service)
        await it.start()
        await asyncio.sleep(10)
        assert it.state == "running"
        await it.stop(10)

    run(main())
    assert "Mute: an exception without a text" in caplog.text


def test_a_waiting_service_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        it, _ = child(FakeService([Run(lasts=0.001, ends=ValueError("at once"))]))
        await it.start()
        await asyncio.sleep(300)
        caplog.clear()
        await asyncio.sleep(600)
        await it.stop(10)

    run(main())
    failures = [r for r in caplog.records if "is started again" in r.getMessage()]
    times = [r.created for r in failures]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert len(caplog.records) < 10 * 10
    assert len(failures) <= 600 / 81 + 1


def test_a_clock_moves_ten_restarts_in_no_time() -> None:
    class Broken:
        runs = 0

        async def run(self, ready: Ready, stop: asyncio.Event) -> None:
            self.runs += 1
            ready()
            raise ValueError("broken")

    async def main() -> None:
        time = FakeClock()
        service = Broken()
        hourly = Backoff(initial_delay=3600, backoff_factor=2, max_delay=10 * 3600, jitter=0)
        it = Child(spec("it", service, restart=hourly), lambda it: None, time.clock)
        await it.start()
        for number in range(10):
            await time.advance(min(2**number, 10) * 3600 - 1)
            assert service.runs == number + 1
            await time.advance(1)
            assert service.runs == number + 2
        await it.stop(10)
        assert time.timers == 0

    asyncio.run(main())


def test_a_run_that_the_clock_makes_long_resets_the_backoff() -> None:
    class Broken:
        def __init__(self) -> None:
            self.fail = asyncio.Event()
            self.runs = 0

        async def run(self, ready: Ready, stop: asyncio.Event) -> None:
            self.runs += 1
            ready()
            await self.fail.wait()
            self.fail.clear()
            raise ValueError("broken")

    async def main() -> None:
        time = FakeClock()
        service = Broken()
        it = Child(spec("it", service, restart=STEADY), lambda it: None, time.clock)
        await it.start()
        for lasts, delay in ((0, 1), (0, 2), (6, 1), (0, 2)):
            runs = service.runs
            await time.advance(lasts)
            service.fail.set()
            await time.advance(delay - 0.5)
            assert service.runs == runs
            await time.advance(0.5)
            assert service.runs == runs + 1
        service.fail.set()
        await it.stop(10)

    asyncio.run(main())
