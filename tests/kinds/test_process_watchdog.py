"""process.service: a process that its watchdog has not heard of is started again."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from runtime.application.application import Application
from tests.support.clock import FakeClock
from tests.support.hosting import linked

MANIFEST = """
namespace: app
entries:
  - {{name: host, kind: process.host}}
  - name: loop
    kind: process.service
    process: "file://h.py#main"
    watchdog: 30s
    type: {type}
    lifecycle: {{auto_start: true, restart: {{initial_delay: 10s, jitter: 0}}}}
"""
WORKING = """
import asyncio
from runtime.modules import logger, process
async def main():
    while True:
        logger.info("at work")
        process.alive()
        if await process.stopping(timeout=20):
            return 0
"""
STUCK = """
import asyncio
from runtime.modules import logger
async def main():
    logger.info("begun")
    try:
        await asyncio.Event().wait()
    finally:
        logger.info("cancelled")
"""
STUBBORN = """
import asyncio
from runtime.modules import logger
async def main():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()
"""


def run(folder: Path, code: str, seconds: float, type: str = "simple") -> None:
    async def test() -> None:
        fake = FakeClock()
        manifest = linked(folder, MANIFEST.format(type=type), {"h.py": code})
        application = Application(manifest, clock=fake.clock)
        stop = asyncio.Event()
        serving = asyncio.create_task(application.serve(stop))
        for _ in range(round(seconds)):
            await fake.advance(1)
        await asyncio.sleep(0)
        stop.set()
        await asyncio.wait_for(serving, 20)

    asyncio.run(test())


def test_one_that_is_heard_of_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run(tmp_path, WORKING, 200)

    assert caplog.messages.count("at work") >= 9
    assert "failed" not in caplog.text


def test_one_that_is_silent_is_cancelled_and_started_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    run(tmp_path, STUCK, 75)

    assert [text for text in caplog.messages if text in ("begun", "cancelled")] == [
        "begun",
        "cancelled",
        "begun",
        "cancelled",
    ]
    assert "app:loop failed: it did not call process.alive() for 30 s; it is started" in caplog.text


def test_one_that_swallows_its_cancellation_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def test() -> None:
        fake = FakeClock()
        manifest = linked(tmp_path, MANIFEST.format(type="simple"), {"h.py": STUBBORN})
        application = Application(manifest, clock=fake.clock)
        serving = asyncio.create_task(application.serve(asyncio.Event()))
        told = asyncio.Event()

        class Listener(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if "goes on although it was cancelled" in record.getMessage():
                    told.set()

        listener = Listener()
        logging.getLogger("runtime").addHandler(listener)
        try:
            for _ in range(40):
                await fake.advance(1)
            await asyncio.wait_for(told.wait(), 10)
        finally:
            logging.getLogger("runtime").removeHandler(listener)
        serving.cancel()
        await asyncio.wait({serving})

    asyncio.run(test())
    assert "although it was cancelled" in caplog.text


def test_a_process_that_is_not_ready_yet_is_watched_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    run(tmp_path, STUCK, 45, "notify")

    assert "it did not call process.alive() for 30 s" in caplog.text
