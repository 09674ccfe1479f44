"""Lanes: what each worker did in the last seconds, and the hint that is computed from them."""

from __future__ import annotations

from msgspec.structs import replace

from runtime.engines.management.hint import hint
from runtime.engines.management.history import STEP, History
from runtime.engines.management.lanes import BARS, SPAN, Lanes
from runtime.engines.management.snapshot import QueueStatus
from tests.support.night import NOW, SNAPSHOT

BUSY = QueueStatus("app:tasks", ready=900, delayed=0, in_rate=46.0, out_rate=20.0)


def test_a_worker_s_last_seconds_are_kept() -> None:
    lanes = Lanes()
    lanes.take("work", 0, [(0.0, 0.1, "ack"), (1.0, 1.1, "retry")], 1.1)
    lanes.take("work", 1, [(1.0, 1.2, "dead")], 1.2)
    lanes.hold("work", 1, 1.3)

    first, second = lanes.of("work")
    assert [(bar.began, bar.failed) for bar in first] == [(0.0, False), (1.0, True)]
    assert [(bar.began, bar.ended) for bar in second] == [(1.0, 1.2), (1.3, None)]

    lanes.take("work", 0, [], SPAN + 1.0)
    assert [bar.began for bar in lanes.of("work")[0]] == [1.0]


def test_a_fast_worker_takes_no_more_memory_than_others() -> None:
    lanes = Lanes()
    lanes.take("work", 0, [(n / 1e5, (n + 1) / 1e5, "ack") for n in range(10_000)], 0.1)

    assert len(lanes.of("work")[0]) == BARS


def test_a_consumer_that_is_gone_is_forgotten() -> None:
    lanes = Lanes()
    for name in ("old", "new"):
        lanes.take(name, 0, [(0.0, 0.1, "ack")], 0.1)
        lanes.hold(name, 0, 0.2)
    lanes.forget("old")

    assert lanes.of("old") == []
    assert len(lanes.of("new")[0]) == 2


def history(status: QueueStatus) -> History:
    told = History()
    for step in range(3):
        told.note(replace(SNAPSHOT, queues=(status,)), NOW + step * STEP)
    return told


def worked(seconds: float) -> Lanes:
    lanes = Lanes()
    for worker in (0, 1):
        ends = [10 - seconds * number for number in range(10)]
        lanes.take("work", worker, [(end - seconds, end, "ack") for end in ends], 10.0)
    return lanes


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
