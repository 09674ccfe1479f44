"""Schedules, processes and restarts, by the clock of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.testing import NotQuiet, running
from tests.testing.application import DATABASE, DURABLE, write

SCHEDULED = """
  - {name: nightly, kind: schedule.cron, cron: "30 2 * * *", queue: jobs, body: night,
     lifecycle: {auto_start: true}}
"""
CALLED = """
  - {name: often, kind: schedule.cron, every: 15m, func: tick, lifecycle: {auto_start: true}}
  - {name: tick, kind: function.python, source: file://handlers.py, method: tick}
"""
POLLER = """
  - {name: poller, kind: process.service, type: simple, process: poll, host: processes,
     lifecycle: {auto_start: true}}
  - {name: poll, kind: process.python, source: file://handlers.py, method: poll}
  - {name: processes, kind: process.host, lifecycle: {auto_start: true}}
"""
POLLING = """
    from runtime.modules import process, queue, sql

    async def poll():
        while not await process.stopping(timeout=60):
            await sql.get("app:db").query("SELECT 1")
            await queue.publish("app:jobs", "polled")

    async def work(body):
        pass
"""
NOTHING = """
    async def work(body):
        pass
"""


@pytest.mark.parametrize("overrides", [(), DURABLE], ids=["memory", "sqlite"])
def test_a_schedule_fires_at_each_of_its_times(tmp_path: Path, overrides: tuple[str]) -> None:
    with running(write(tmp_path, NOTHING, DATABASE, SCHEDULED), *overrides) as app:
        app.advance("72h")

        assert app.published("jobs") == ["night"] * 3
        assert app.info("jobs").ready == 0
        assert not [line for line in app.logs() if line.level == "warning"]


def test_a_year_passes_in_as_many_steps_as_it_has_times(tmp_path: Path) -> None:
    yearly = SCHEDULED.replace("30 2 * * *", "30 2 1 1 *")
    with running(write(tmp_path, NOTHING, yearly)) as app:
        app.advance("8784h")

        assert {*app.published("jobs")} == {"night"}


def test_an_error_of_a_schedule_s_function_is_raised(tmp_path: Path) -> None:
    handlers = """
        import asyncio

        async def tick():
            await asyncio.sleep(0.01)
            raise ValueError("no bread")

        async def work(body):
            pass
    """
    with running(write(tmp_path, handlers, CALLED)) as app:
        with pytest.raises(ValueError, match="no bread") as caught:
            app.advance("15m")
        app.advance("1h", failing=ValueError)

    assert "raised in app:tick by the run of app:often at " in caught.value.__notes__[0]


@pytest.mark.parametrize("word", ["async def", "def"])
def test_a_process_that_waits_for_the_stop_works_each_time(tmp_path: Path, word: str) -> None:
    handlers = POLLING
    if word == "def":
        handlers = handlers.replace("async ", "").replace("await ", "")
        handlers = handlers.replace("runtime.modules", "runtime.modules.sync")
    with running(write(tmp_path, handlers, DATABASE, POLLER)) as app:
        app.advance("10m")

        assert app.published("jobs") == ["polled"] * 10


def test_a_process_that_does_not_come_back_is_named(tmp_path: Path) -> None:
    handlers = """
        import asyncio
        from runtime.modules import process

        async def poll():
            while not await process.stopping(timeout=60):
                await asyncio.sleep(60)

        async def work(body):
            pass
    """
    with (
        running(write(tmp_path, handlers, POLLER)) as app,
        pytest.raises(NotQuiet, match="app:poller is at work"),
    ):
        app.advance("1m", limit=0.2)


def test_a_service_that_failed_is_started_again_by_the_clock(tmp_path: Path) -> None:
    handlers = """
        from runtime.modules import process

        async def poll():
            await process.stopping(timeout=1)
            raise ValueError("once more")

        async def work(body):
            pass
    """
    with running(write(tmp_path, handlers, POLLER)) as app:
        app.advance("10s")

        failures = [line for line in app.logs("poller") if "started again in" in line.message]
        assert len(failures) >= 2
