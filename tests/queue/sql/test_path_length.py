"""A failed message passes few files of the runtime until its settlement is committed."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import runtime
from runtime.backoff import Backoff
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.settlement import log
from runtime.engines.queue.sql.sqlite.lease import Lease
from runtime.engines.queue.sql.sqlite.settling import Settling
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.slow_work import SlowWork
from runtime.modules.queue import Reject
from tests.support import databases
from tests.support.consuming import SOON, Running, consuming, run
from tests.support.implementations import sql_driver

RUNTIME = Path(runtime.__file__).parent
SETTLE, COMMIT = Settling.settle.__code__, ManagedConnection.commit.__code__


class Profile:
    """Notes files whose functions are called from the end of an attempt to the commit of its end.

    `on_loop` are those of the event loop's thread, `in_all` those of the writer's thread too. The
    loop passes all of them if it commits itself.
    """

    def __init__(self) -> None:
        self.on_loop: set[str] = set()
        self.in_all: set[str] = set()
        self.committed = threading.Event()
        self._is_on = False
        self._settles = False
        self._loop_thread = threading.get_ident()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "return" and code is COMMIT and self._settles:
            self._is_on = self._settles = False
            self.committed.set()
        if not self._is_on or event != "call":
            return
        if code is SETTLE:
            self._settles = True
        file = Path(code.co_filename)
        if file.is_relative_to(RUNTIME):
            name = str(file.relative_to(RUNTIME))
            self.in_all.add(name)
            if threading.get_ident() == self._loop_thread:
                self.on_loop.add(name)

    def begin(self) -> None:
        """Called as the last act of a handler. Its worker is where it goes on."""
        self.on_loop.add("engines/queue/worker.py")
        self.in_all.add("engines/queue/worker.py")
        self._is_on = True


@pytest.mark.parametrize(
    ("synchronous", "most"), [("FULL", 10), ("NORMAL", 17)], ids=["in the thread", "in the turn"]
)
@pytest.mark.parametrize("error", [ValueError("no"), Reject("never")], ids=["retry", "dead letter"])
def test_a_failed_message_passes_at_most_ten_files_of_the_loop_until_the_commit(
    error: Exception,
    synchronous: str,
    most: int,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Lease, "keep", lambda lease: None)  # no reports of its thread meanwhile
    monkeypatch.setattr(SlowWork, "record", lambda slow, key, seconds: None)  # a busy machine's
    caplog.set_level("CRITICAL", log.name)

    async def test() -> None:
        profile = Profile()

        async def handler(body: Any) -> None:
            profile.begin()
            raise error

        with profiled(profile):
            async with databases.tasks(tmp_path / "a.db", synchronous=synchronous) as database:
                driver = sql_driver(database)
                declared = driver.declare("q", {"sql": {"max_length": 10}})
                queue = Queue(
                    "app:q", declared, Backoff(initial_delay=3600), max_attempts=10, max_requeues=10
                )
                service = Running(driver)
                await asyncio.wait_for(service.ready.wait(), SOON)
                async with consuming(queue, handler, prefetch=0):  # its worker waits for the end
                    await queue.publish(1)
                    await asyncio.to_thread(profile.committed.wait, SOON)
                await service.end()

        assert "engines/queue/settlement.py" in profile.on_loop
        assert len(profile.on_loop) <= most, profile.on_loop
        assert "engines/queue/sql/sqlite/settling.py" in profile.in_all
        assert len(profile.in_all) <= 17, profile.in_all

    run(test)


class profiled:
    """Profiles the running thread, and those that are started meanwhile."""

    def __init__(self, profile: Callable[..., None]) -> None:
        self._profile = profile

    def __enter__(self) -> None:
        sys.setprofile(self._profile)
        threading.setprofile(self._profile)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
