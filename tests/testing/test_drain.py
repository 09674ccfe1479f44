"""drain and advance: until nothing is ready or in hand, by a clock that only the test moves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from runtime.testing import NotQuiet, running
from tests.testing.application import DATABASE, DURABLE, write

DRIVERS = pytest.mark.parametrize("overrides", [(), DURABLE], ids=["memory", "sqlite"])

FAILING = """
    async def work(body):
        raise ValueError(f"no {body}")
"""
COUNTING = """
    from runtime.modules import queue

    async def work(number):
        if number:
            await queue.publish("app:jobs", number - 1)
"""
PAUSING = """
    from runtime.modules import queue

    async def work(body):
        if body == "pause":
            await queue.pause("app:jobs")
"""


@DRIVERS
def test_a_drain_waits_for_what_handlers_publish(tmp_path: Path, overrides: tuple[str]) -> None:
    with running(write(tmp_path, COUNTING, DATABASE), *overrides) as app:
        app.publish("jobs", 20)
        app.drain("jobs")

        assert app.published("jobs") == [*range(20, -1, -1)]
        assert app.info("jobs").ready == 0


@DRIVERS
def test_a_drain_raises_what_a_handler_raised(tmp_path: Path, overrides: tuple[str]) -> None:
    with running(write(tmp_path, FAILING, DATABASE), *overrides) as app:
        app.publish("jobs", "bread")
        with pytest.raises(ValueError, match="no bread") as caught:
            app.drain("jobs")

    assert "app:jobs, attempt 1" in caught.value.__notes__[0]


@DRIVERS
def test_a_message_that_fails_ten_times_is_a_dead_letter_at_once(
    tmp_path: Path, overrides: tuple[str]
) -> None:
    with running(write(tmp_path, FAILING, DATABASE), *overrides) as app:
        began = app.now
        app.publish("jobs", "bread", headers={"from": "us"})
        app.drain("jobs", advance=True, failing=ValueError)

        (letter,) = app.dead("jobs")
        assert (letter.reason, letter.attempts) == ("attempts", 10)
        assert (letter.error, letter.place) == ("ValueError: no bread", "handlers.py:3")
        assert (letter.body, letter.headers) == ("bread", {"from": "us"})
        assert timedelta(minutes=7) < app.now - began < timedelta(minutes=13)


@DRIVERS
def test_each_retry_comes_at_its_own_moment(tmp_path: Path, overrides: tuple[str]) -> None:
    rules = ("app:jobs:retry.initial_delay=10s", "app:jobs:retry.jitter=0")
    rules += ("app:jobs:retry.max_delay=10s",)
    with running(write(tmp_path, FAILING, DATABASE), *overrides, *rules) as app:
        app.publish("jobs", 1)
        app.advance("9s", failing=ValueError)
        assert len([line for line in app.logs() if "failed on attempt" in line.message]) == 1
        app.advance("1s", failing=ValueError)
        assert len([line for line in app.logs() if "failed on attempt" in line.message]) == 2
        app.advance("30s", failing=ValueError)
        assert len([line for line in app.logs() if "failed on attempt" in line.message]) == 5


def test_another_error_than_the_one_that_was_expected_is_raised(tmp_path: Path) -> None:
    with running(write(tmp_path, FAILING)) as app:
        app.publish("jobs", 1)
        with pytest.raises(ValueError, match="no 1"):
            app.drain(advance=True, failing=KeyError)


def test_an_expected_error_that_does_not_come_is_missed(tmp_path: Path) -> None:
    with running(write(tmp_path, COUNTING)) as app:
        app.publish("jobs", 1)
        with pytest.raises(AssertionError, match="no handler raised ValueError"):
            app.drain(failing=ValueError)


def test_a_retry_that_a_handler_asks_for_is_no_error(tmp_path: Path) -> None:
    handlers = """
        from runtime.modules import queue

        async def work(body):
            if queue.message().attempt == 1:
                raise queue.Retry("1h")
    """
    with running(write(tmp_path, handlers)) as app:
        app.publish("jobs", 1)
        app.drain()
        assert app.info("jobs").delayed == 1
        app.advance("1h")
        assert app.info("jobs").delayed == 0


def test_a_drain_that_takes_too_long_says_who_is_busy_and_at_which_line(tmp_path: Path) -> None:
    handlers = """
        import asyncio

        async def work(body):
            await wait()

        async def wait():
            await asyncio.sleep(60)
    """
    with running(write(tmp_path, handlers), "app:worker:lifecycle.stop_timeout=10ms") as app:
        (id,) = app.publish("jobs", 1)
        with pytest.raises(NotQuiet) as caught:
            app.drain(limit=0.2)

    assert f"app:work has had message {id} of app:jobs, attempt 1 for" in str(caught.value)
    assert "handlers.py:8 (wait)" in str(caught.value)


def test_the_line_of_a_handler_in_a_thread_is_told_too(tmp_path: Path) -> None:
    handlers = """
        import threading

        go = threading.Event()

        def work(body):
            go.wait(30)

        async def release(request):
            go.set()
    """
    from tests.testing.application import endpoint

    with running(write(tmp_path, handlers, endpoint("release"))) as app:
        app.publish("jobs", 1)
        with pytest.raises(NotQuiet, match=r"handlers.py:7 \(work\)"):
            app.drain(limit=0.2)
        assert app.post("/release").status == 204
        app.drain()


def test_a_handler_s_time_out_is_reached_by_the_clock_alone(tmp_path: Path) -> None:
    handlers = """
        import asyncio

        async def work(body):
            await asyncio.Event().wait()
    """
    with running(write(tmp_path, handlers), "app:worker:timeout=30s") as app:
        app.publish("jobs", 1)
        app.advance("29s")
        assert app.info("jobs").in_flight == 1
        app.advance("1s", failing=TimeoutError)
        assert app.info("jobs").delayed == 1


def test_a_queue_without_a_consumer_is_not_waited_for(tmp_path: Path) -> None:
    with running(write(tmp_path, COUNTING)) as app, app.paused("worker"):
        app.publish("jobs", 1)
        app.drain()
        with pytest.raises(LookupError, match="no consumer of 'app:jobs' runs"):
            app.drain("jobs")


def test_a_paused_consumer_takes_nothing_until_the_block_ends(tmp_path: Path) -> None:
    with running(write(tmp_path, COUNTING)) as app:
        with app.paused("worker"):
            app.publish("jobs", 3)
            assert app.info("jobs").ready == 1
        app.drain()

        assert app.published("jobs") == [3, 2, 1, 0]


@DRIVERS
def test_a_paused_queue_is_not_waited_for(tmp_path: Path, overrides: tuple[str]) -> None:
    with running(write(tmp_path, PAUSING, DATABASE), *overrides) as app:
        app.publish("jobs", "pause")
        app.drain("jobs")
        app.publish("jobs", 1, 2)
        app.drain()
        with pytest.raises(NotQuiet, match=r"'app:jobs' is paused with 2 messages: resume it"):
            app.drain("jobs")
