"""What must survive: every scenario at a size that a push can wait for."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

from tests.reliability import (
    combined_faults,
    damage,
    failpoint_sweep,
    freeze,
    graceful_stop,
    kills,
    locks,
    migration,
    overload,
    overrun,
    poison,
    statements,
)
from tests.reliability.scenario import SEED, Outcome

CHOSEN = int(os.environ.get("SEED", SEED))


def run(scenario: ModuleType, folder: Path) -> Outcome:
    outcome: Outcome = scenario.run(folder / "app", scenario.SHORT, CHOSEN)
    assert outcome.accepted > 0
    assert outcome.lost == 0
    return outcome


def test_nothing_accepted_is_lost_over_kills(tmp_path: Path) -> None:
    run(kills, tmp_path)


def test_a_death_at_any_place_of_the_code_loses_nothing(tmp_path: Path) -> None:
    run(failpoint_sweep, tmp_path)


def test_a_statement_that_fails_is_told_to_the_client_and_the_program_heals(
    tmp_path: Path,
) -> None:
    run(statements, tmp_path)


def test_stops_under_load_lose_nothing_and_run_nothing_twice(tmp_path: Path) -> None:
    run(graceful_stop, tmp_path)


def test_work_that_does_not_end_in_time_goes_back_at_once_and_unspent(tmp_path: Path) -> None:
    run(overrun, tmp_path)


def test_a_program_that_was_stopped_too_long_is_fenced(tmp_path: Path) -> None:
    run(freeze, tmp_path)


def test_messages_that_kill_the_program_die_after_their_attempts_and_alone(tmp_path: Path) -> None:
    run(poison, tmp_path)


def test_nobody_hears_of_a_foreign_lock(tmp_path: Path) -> None:
    run(locks, tmp_path)


def test_a_damaged_file_is_refused_in_one_line_and_left_alone(tmp_path: Path) -> None:
    run(damage, tmp_path)


def test_a_bounded_queue_refuses_with_a_hint_and_drops_nothing(tmp_path: Path) -> None:
    run(overload, tmp_path)


def test_a_migration_that_failed_half_way_is_run_again_before_anything_else(
    tmp_path: Path,
) -> None:
    run(migration, tmp_path)


def test_a_busy_loop_a_held_transaction_and_a_foreign_lock_lose_nothing(tmp_path: Path) -> None:
    run(combined_faults, tmp_path)
