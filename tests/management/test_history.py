"""The history: points of five seconds, a quarter of an hour of them, in memory."""

from __future__ import annotations

import math

from msgspec.structs import replace

from runtime.engines.management.history import POINTS, STEP, History
from runtime.engines.management.pages.tiles import tiles
from runtime.engines.management.snapshot import Lag, QueueStatus, Snapshot
from tests.support.night import NOW, SNAPSHOT, sight


def waiting(count: int | None) -> Snapshot:
    return replace(SNAPSHOT, queues=(QueueStatus("app:tasks", ready=count),))


def test_each_point_is_the_largest_of_its_five_seconds() -> None:
    history = History()
    for second, count in enumerate((3, 9, 4, 1, 2, 7, 5)):
        history.note(waiting(count), NOW + second)

    assert [*history.values("waiting")] == [9]
    history.note(waiting(0), NOW + 10)
    assert [*history.values("waiting")] == [9, 7]


def test_a_quarter_of_an_hour_is_kept_and_no_more() -> None:
    history = History()
    for step in range(POINTS * 2):
        history.note(waiting(step), NOW + step * STEP)

    values = history.values("waiting")
    assert len(values) == POINTS
    assert values[-1] == POINTS * 2 - 2  # the last one has not ended


def test_time_without_a_snapshot_leaves_a_gap() -> None:
    history = History()
    for at in (0, 5, 30):
        history.note(waiting(1), NOW + at)

    assert [value == value for value in history.values("waiting")] == [True, True, *[False] * 4]


def test_the_history_of_a_queue_that_is_gone_is_forgotten_in_the_end() -> None:
    history = History()
    history.note(waiting(1), NOW)
    history.note(waiting(1), NOW + STEP)
    gone = replace(SNAPSHOT, queues=())
    for step in range(2, POINTS):
        history.note(gone, NOW + step * STEP)
    assert len(history.values("ready app:tasks")) == POINTS - 1

    for step in range(POINTS, POINTS + 3):
        history.note(gone, NOW + step * STEP)
    assert len(history.values("ready app:tasks")) == 0


def test_a_queue_whose_store_could_not_be_asked_has_no_point() -> None:
    history = History()
    for step in range(3):
        history.note(waiting(None if step == 1 else 4), NOW + step * STEP)
    history.note(waiting(4), NOW + 3 * STEP)

    values = history.values("ready app:tasks")
    assert values[0] == 4
    assert math.isnan(values[1])


def test_an_hour_takes_as_much_memory_as_a_quarter() -> None:
    history = History()
    sizes = []
    for step in range(720):
        history.note(SNAPSHOT, NOW + step * STEP)
        if step in (POINTS + 1, 719):
            names = ("waiting", "lag", "http.rate", "state app:gateway")
            sizes.append([len(history), *(len(history.values(name)) for name in names)])

    assert sizes[0] == sizes[1]


def test_what_died_is_the_sum_of_the_rises() -> None:
    history = History()
    for step, dead in enumerate((5, 7, 2, 3, 3, 3)):
        status = QueueStatus("app:tasks", ready=0, dead=dead)
        history.note(replace(SNAPSHOT, queues=(status,)), NOW + step * STEP)

    assert history.gained("dead") == 3  # two, a requeue, and one


def test_what_died_in_the_first_seconds_is_counted_too() -> None:
    history = History()
    for second, dead in enumerate((5, 6, 6)):
        status = QueueStatus("app:tasks", ready=0, dead=dead)
        history.note(replace(SNAPSHOT, queues=(status,)), NOW + second)

    assert history.gained("dead app:tasks", 7) == 2
    history.note(replace(SNAPSHOT, queues=(status,)), NOW + STEP)
    assert history.gained("dead app:tasks", 7) == 2


def test_the_longest_block_of_the_loop_is_not_missed_between_two_points() -> None:
    history = History()
    for second in range(12):
        lag = Lag(0.9 if second == 3 else 0.001)
        history.note(replace(SNAPSHOT, lag=lag), NOW + second)

    assert history.peak("lag") == 0.9


def test_the_tile_has_what_died_since_the_last_point_too() -> None:
    history = History()
    for second, dead in enumerate((5, 6, 6)):
        status = QueueStatus("app:tasks", ready=0, dead=dead)
        history.note(snapshot := replace(SNAPSHOT, queues=(status,)), NOW + second)
    seen = replace(sight(snapshot=snapshot), history=history)

    tile = next(each for each in tiles(seen) if each.id == "dead")

    assert (tile.value, tile.note) == ("6", "1 new in 15 min")
