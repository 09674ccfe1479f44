"""Lanes: what each worker did in the last seconds, and the hint that is computed from them."""

from __future__ import annotations

from msgspec.structs import replace

from runtime.engines.management.hint import hint
from runtime.engines.management.history import STEP, History
from runtime.engines.management.lanes import MOST, Bar, Lanes, bars
from runtime.engines.management.snapshot import QueueStatus
from tests.support.night import NOW, SNAPSHOT

BUSY = QueueStatus("app:tasks", ready=900, delayed=0, in_rate=46.0, out_rate=20.0)


def test_a_worker_s_last_seconds_are_shown() -> None:
    first, second = bars(
        [([(0.0, 0.1, True), (19.0, 19.1, False)], None), ([(19.0, 19.2, True)], 19.5)], 20.0
    )

    assert [(bar.began, bar.ended, bar.failed) for bar in first] == [(1.0, 0.9, True)]
    assert [(bar.began, bar.ended) for bar in second] == [(1.0, 0.8), (0.5, None)]


def test_of_many_workers_some_are_shown() -> None:
    assert len(bars([([], None)] * 1000, 1.0)) == MOST


def test_the_mean_is_that_of_messages_that_have_ended() -> None:
    told = Lanes({"work": [[Bar(2.0, 1.5), Bar(1.0, 0.9), Bar(0.8, None)]]})

    assert round(told.mean("work") or 0, 3) == 0.3
    assert told.mean("other") is None
    assert Lanes({"work": [[Bar(1.0, None)], []]}).mean("work") is None


def history(status: QueueStatus) -> History:
    told = History()
    for step in range(3):
        told.note(replace(SNAPSHOT, queues=(status,)), NOW + step * STEP)
    return told


def worked(seconds: float) -> Lanes:
    lane = [Bar(seconds * (number + 1), seconds * number) for number in range(10)]
    return Lanes({"work": [lane, lane]})


def test_the_concurrency_that_would_have_kept_up_is_rate_times_mean() -> None:
    told = hint(BUSY, "work", 2, history(BUSY), worked(0.1))

    assert told is not None
    assert (told.wanted, told.concurrency) == (5, 2)
    assert round(told.capacity) == 20


def test_a_consumer_that_keeps_up_needs_no_hint() -> None:
    assert hint(BUSY, "work", 2, history(BUSY), worked(0.01)) is None
    calm = replace(BUSY, ready=3)
    assert hint(calm, "work", 2, history(calm), worked(0.1)) is None
    assert hint(BUSY, "work", 2, history(BUSY), Lanes()) is None
