"""Reloading goes on whatever a reload raises, until the program stops."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from runtime.application.plan import Plan
from runtime.findings.finding import Finding, Level, ManifestError, Position
from runtime.program.reloading import Reloading, log_refusal

PLAN = Plan(())


class Application:
    """Raises what it is given, one error a reload, and then reloads."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = [*errors]
        self.state = "running"
        self.refused: tuple[str, ...] = ()

    def on_state(self) -> None:
        """Nobody wants to know."""

    async def reload(self, *, force: bool) -> Plan:
        if self.errors:
            raise self.errors.pop(0)
        return PLAN


class Reports:
    def __init__(self) -> None:
        self.done = asyncio.Event()

    def reloaded(self, plan: Plan, seconds: float) -> None:
        self.done.set()

    def refused(self, error: Exception) -> None:
        raise AssertionError(error)


def following(application: Any, reports: Any) -> tuple[Reloading, asyncio.Task[None]]:
    reloading = Reloading(application, reports)
    return reloading, asyncio.create_task(reloading.follow())


def test_a_refusal_gives_its_reasons_and_no_notes(caplog: pytest.LogCaptureFixture) -> None:
    place = Position("_index.yaml", 3, 5)
    log_refusal(
        ManifestError(
            [Finding(place, "it is unused", level=Level.NOTE), Finding(place, "it is unknown")]
        )
    )
    assert caplog.messages == [
        "_index.yaml:3:5: it is unknown",
        "the reload was refused, and the old version goes on",
    ]


def test_an_error_that_nobody_expects_is_logged_and_the_next_wish_is_granted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        application = Application(SystemError("no idea"), RuntimeError("neither"))
        reports = Reports()
        reloading, task = following(application, reports)
        while not reports.done.is_set():
            reloading.ask()
            await asyncio.sleep(0)
        task.cancel()

    with caplog.at_level(logging.ERROR):
        asyncio.run(asyncio.wait_for(main(), 20))
    assert [record.getMessage() for record in caplog.records] == [
        "the reload failed, and the old version goes on"
    ] * 2
    assert "no idea" in caplog.text


def test_a_program_that_stops_reloads_no_more(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        application = Application(RuntimeError("the application is stopping"))
        application.state = "stopping"
        reloading, task = following(application, Reports())
        reloading.ask()
        await asyncio.wait_for(task, 20)

    asyncio.run(main())
    assert caplog.records == []
