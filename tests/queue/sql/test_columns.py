"""Values as every store keeps them in its rows."""

from __future__ import annotations

from runtime.engines.queue.sql.columns import seconds_until


def test_the_wait_for_a_time_is_not_shortened_by_the_floats_of_the_two() -> None:
    due, now = 1_700_000_900.0, 1_700_000_000 + 420.005
    assert due - now < 479.995
    assert seconds_until(due, now) == 479.995


def test_a_time_that_has_passed_is_not_waited_for() -> None:
    assert seconds_until(1.0, 2.0) == 0.0
