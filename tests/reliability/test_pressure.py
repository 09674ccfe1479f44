"""Every scenario in which the program is stopped, frozen, locked out or overloaded, short."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability import (
    combined_faults,
    descriptors,
    freeze,
    graceful_stop,
    locks,
    overload,
    overrun,
)
from tests.reliability.scenario import run_short

pytestmark = pytest.mark.slow


def test_stops_under_load_lose_nothing_and_handle_nothing_twice(tmp_path: Path) -> None:
    run_short(graceful_stop, tmp_path)


def test_work_that_overruns_a_stop_is_released_at_once_and_unspent(tmp_path: Path) -> None:
    run_short(overrun, tmp_path)


def test_a_program_that_was_frozen_too_long_is_fenced(tmp_path: Path) -> None:
    run_short(freeze, tmp_path)


def test_nobody_is_taken_for_dead_for_want_of_descriptors(tmp_path: Path) -> None:
    run_short(descriptors, tmp_path)


def test_nobody_notices_a_foreign_lock(tmp_path: Path) -> None:
    run_short(locks, tmp_path)


def test_a_bounded_queue_refuses_with_retry_after_and_drops_nothing(tmp_path: Path) -> None:
    run_short(overload, tmp_path)


def test_a_blocked_loop_a_long_transaction_and_a_foreign_lock_lose_nothing(tmp_path: Path) -> None:
    run_short(combined_faults, tmp_path)
