"""Every scenario in which the program or its file is destroyed, at its short size."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability import (
    damage,
    declared_kills,
    failpoint_sweep,
    forks,
    kills,
    kills_normal,
    migration,
    poison,
    statements,
)
from tests.reliability.scenario import run_short

pytestmark = pytest.mark.slow


def test_nothing_accepted_is_lost_over_kills(tmp_path: Path) -> None:
    run_short(kills, tmp_path)


def test_nothing_accepted_is_lost_over_kills_while_the_loop_writes(tmp_path: Path) -> None:
    run_short(kills_normal, tmp_path)


def test_a_crash_at_any_failpoint_loses_nothing(tmp_path: Path) -> None:
    run_short(failpoint_sweep, tmp_path)


def test_a_failed_statement_is_reported_to_the_client_and_the_program_recovers(
    tmp_path: Path,
) -> None:
    run_short(statements, tmp_path)


def test_messages_that_crash_the_program_are_dead_after_their_attempts(tmp_path: Path) -> None:
    run_short(poison, tmp_path)


def test_forked_children_take_no_message_with_them(tmp_path: Path) -> None:
    run_short(forks, tmp_path)


def test_a_damaged_file_is_refused_in_one_line_and_left_untouched(tmp_path: Path) -> None:
    run_short(damage, tmp_path)


def test_a_migration_that_failed_halfway_is_run_again_before_anything_else(tmp_path: Path) -> None:
    run_short(migration, tmp_path)


def test_limits_are_kept_over_kills(tmp_path: Path) -> None:
    run_short(declared_kills, tmp_path)
