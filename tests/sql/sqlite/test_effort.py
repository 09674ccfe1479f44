"""Effort: the time of a thread itself, and in which it waited, but not what others took."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from runtime.engines.sql.sqlite import effort
from runtime.engines.sql.sqlite.effort import Effort


class Thread:
    """The clocks of a thread, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = self.processor = 100.0
        self.waits = 7
        monkeypatch.setattr(effort, "perf_counter", lambda: self.wall)
        monkeypatch.setattr(effort, "thread_time", lambda: self.processor)
        usage = lambda who: SimpleNamespace(ru_nvcsw=self.waits)  # noqa: E731
        monkeypatch.setattr(effort, "resource", SimpleNamespace(getrusage=usage))


@pytest.fixture
def thread(monkeypatch: pytest.MonkeyPatch) -> Thread:
    return Thread(monkeypatch)


def test_the_time_of_a_preempted_thread_is_what_it_worked(thread: Thread) -> None:
    measured = Effort()
    thread.wall += 4.0
    thread.processor += 0.5
    assert measured.seconds() == 0.5


def test_the_time_of_a_thread_that_waited_is_all_of_it(thread: Thread) -> None:
    measured = Effort()
    thread.wall += 4.0
    thread.processor += 0.5
    thread.waits += 1
    assert measured.seconds() == 4.0


def test_each_measurement_begins_anew(thread: Thread) -> None:
    measured = Effort()
    thread.wall += 4.0
    thread.waits += 1
    measured.begin()
    thread.wall += 2.0
    thread.processor += 0.25
    assert measured.seconds() == 0.25


def test_where_threads_cannot_be_told_apart_all_time_counts(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effort, "_THREAD", None)
    measured = Effort()
    thread.wall += 4.0
    assert measured.seconds() == 4.0


def test_the_kernel_counts_a_wait_of_this_thread() -> None:
    asked, answered = threading.Lock(), threading.Lock()
    asked.acquire()
    answered.acquire()

    def answer() -> None:
        asked.acquire()
        answered.release()

    other = threading.Thread(target=answer)
    other.start()
    measured = Effort()
    processor = time.thread_time()
    asked.release()
    answered.acquire()
    assert measured.seconds() > time.thread_time() - processor
    other.join()
