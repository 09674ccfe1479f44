"""The time axis of a trace: long waits are short, and nothing else moves."""

from __future__ import annotations

from runtime.engines.management.pages.time_axis import TimeAxis


def test_without_waits_a_time_is_where_it_is() -> None:
    axis = TimeAxis([], 2.0)

    assert [axis.at(time) for time in (0.0, 0.5, 2.0)] == [0.0, 25.0, 100.0]


def test_a_long_wait_takes_little_room() -> None:
    axis = TimeAxis([(0.1, 3600.1)], 3600.2)

    assert 40 < axis.at(0.1) < 50
    assert 50 < axis.at(3600.1) < 60
    assert axis.at(3600.2) == 100.0


def test_a_short_wait_is_drawn_as_it_was() -> None:
    axis = TimeAxis([(0.5, 0.6)], 1.0)

    assert abs(axis.at(0.55) - 55) < 0.01


def test_waits_that_overlap_are_one() -> None:
    axis = TimeAxis([(1.0, 50.0), (2.0, 99.0), (0.9, 3.0)], 100.0)

    assert axis.at(0.9) > 20
    assert axis.at(99.0) < 60


def test_a_trace_of_nothing_but_a_wait_is_drawn() -> None:
    axis = TimeAxis([(0.0, 5.0)], 5.0)

    assert 0.0 <= axis.at(2.5) <= 100.0
    assert TimeAxis([], 0.0).at(0.0) == 0.0
