"""A child: how one service starts and stops."""

from __future__ import annotations

import asyncio

import pytest

from runtime.backoff import Backoff
from runtime.service import StartError, Unavailable
from runtime.supervision.child import GRACE, StartFailed
from tests.support.supervising import FakeService, Run, child, run

STEADY = Backoff(initial_delay=1, backoff_factor=2, max_delay=10, jitter=0)


def test_a_child_goes_through_starting_and_running_to_stopped() -> None:
    async def main() -> None:
        it, states = child(FakeService([Run(ready_after=2)]))
        await it.start()
        assert states == ["starting", "running"]
        assert it.where == "here"
        await it.stop(10)
        assert states == ["starting", "running", "stopping", "stopped"]
        assert not it.overran

    run(main())


def test_the_start_waits_until_the_service_is_ready() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        it, _ = child(FakeService([Run(ready_after=7)]))
        await it.start()
        assert loop.time() - began == pytest.approx(7)
        await it.stop(10)

    run(main())


def test_a_service_that_ends_well_has_exited_and_is_not_restarted() -> None:
    async def main() -> None:
        service = FakeService([Run(lasts=3, ends=None)])
        it, states = child(service)
        await it.start()
        await asyncio.sleep(1000)
        assert states == ["starting", "running", "exited"]
        assert len(service.began) == 1
        await it.stop(10)
        assert it.state == "exited"

    run(main())


def test_what_never_comes_fails_the_start_when_the_time_is_up_and_says_why() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        service = FakeService([Run(lasts=0, ends=Unavailable("connection refused"))])
        it, _ = child(service, restart=STEADY, start_timeout=10)
        with pytest.raises(StartFailed, match="app:it could not start: connection refused"):
            await it.start()
        assert loop.time() - began == pytest.approx(10)
        assert len(service.began) == 5

    run(main())


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (StartError("port 80 is taken"), "app:it could not start: port 80 is taken"),
        (ValueError("oh"), "app:it could not start: ValueError: oh"),
        (2, "app:it could not start: it ended with exit code 2"),
    ],
)
def test_a_failed_first_start_is_final(ends: BaseException | int, said: str) -> None:
    async def main() -> None:
        service = FakeService([Run(lasts=0, ends=ends)])
        it, states = child(service)
        with pytest.raises(StartFailed) as caught:
            await it.start()
        assert str(caught.value) == said
        assert states == ["starting", "failed"]
        await asyncio.sleep(1000)
        assert len(service.began) == 1

    run(main())


def test_a_start_that_takes_too_long_is_cancelled() -> None:
    async def main() -> None:
        service = FakeService([Run(ready_after=None)])
        it, _ = child(service, start_timeout=4)
        with pytest.raises(StartFailed, match="it was not ready within 4 s"):
            await it.start()
        assert service.ended == [service.began[0] + 4]

    run(main())


def test_a_stop_during_the_start_lets_the_starter_go_on() -> None:
    async def main() -> None:
        it, states = child(FakeService([Run(ready_after=9)]))
        starting = asyncio.create_task(it.start())
        await asyncio.sleep(1)
        await it.stop(10)
        await starting
        assert states == ["starting", "stopping", "stopped"]

    run(main())


def test_a_stop_in_the_moment_of_the_start_runs_nothing() -> None:
    async def main() -> None:
        service = FakeService()
        it, _ = child(service)
        starting = asyncio.create_task(it.start())
        await asyncio.sleep(0)
        await it.stop(10)
        await starting
        assert it.state == "stopped"
        assert service.began == service.ended

    run(main())


def test_a_stop_while_it_waits_for_what_is_not_there_yet() -> None:
    async def main() -> None:
        service = FakeService([Run(lasts=0, ends=Unavailable("refused"))])
        it, _ = child(service, start_timeout=100)
        starting = asyncio.create_task(it.start())
        await asyncio.sleep(2)
        await it.stop(10)
        await starting
        assert it.state == "stopped"

    run(main())


def test_a_stop_before_the_start_is_no_more_than_a_state() -> None:
    async def main() -> None:
        it, states = child(FakeService())
        await it.stop(10)
        assert states == ["stopped"]

    run(main())


def test_a_drain_within_its_time_is_waited_for() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        it, _ = child(FakeService([Run(drains=3)]), stop_timeout=5)
        await it.start()
        before = loop.time()
        await it.stop(100)
        assert loop.time() - before == pytest.approx(3)
        assert not it.overran

    run(main())


def test_a_drain_that_overruns_is_cancelled() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        service = FakeService([Run(drains=60)])
        it, _ = child(service, stop_timeout=5)
        await it.start()
        before = loop.time()
        await it.stop(100)
        assert loop.time() - before == pytest.approx(5)
        assert it.overran
        assert it.state == "failed"
        assert len(service.ended) == 1

    run(main())


@pytest.mark.parametrize("ready_after", [0.0, None])
def test_who_swallows_the_cancellation_is_abandoned_after_its_grace(
    ready_after: float | None,
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        it, _ = child(FakeService([Run(ready_after=ready_after, drains=None)]), stop_timeout=2)
        starting = asyncio.create_task(it.start())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        before = loop.time()
        await it.stop(100)
        assert loop.time() - before <= 2 + 2 * GRACE
        await asyncio.wait_for(starting, 1)  # and whoever waited for its start goes on
        assert it.overran

    run(main())


def test_a_crash_in_the_drain_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        class Clumsy(FakeService):
            async def run(self, ready, stop):  # type: ignore[no-untyped-def]
                ready()
                await stop.wait()
                raise ValueError("clumsy")

        it, _ = child(Clumsy())
        await it.start()
        await it.stop(10)
        assert it.state == "stopped"

    run(main())
    assert "app:it failed while it stopped: ValueError: clumsy" in caplog.text
