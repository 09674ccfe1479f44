"""Every scenario on a PostgreSQL server of its own, at its short size."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability import (
    failover_asynchronous,
    failover_synchronous,
    fire_times,
    postgres_crashes,
    postgres_declared,
    postgres_declared_partition,
    postgres_drain,
    postgres_kills,
    postgres_partition,
    postgres_pooler,
    postgres_snapshot,
    postgres_suspended,
    postgres_versions,
)
from tests.reliability.scenario import SEED, run_short

pytestmark = pytest.mark.slow


def test_kills_of_programs_lose_nothing_and_write_each_row_once(tmp_path: Path) -> None:
    run_short(postgres_kills, tmp_path)


def test_crashes_of_the_server_lose_nothing_that_was_accepted(tmp_path: Path) -> None:
    run_short(postgres_crashes, tmp_path)


def test_a_synchronous_standby_has_all_that_was_accepted(tmp_path: Path) -> None:
    run_short(failover_synchronous, tmp_path)


def test_an_asynchronous_standby_has_all_but_what_it_lagged_behind(tmp_path: Path) -> None:
    outcome = failover_asynchronous.run(tmp_path, failover_asynchronous.SHORT, SEED)
    assert 0 < outcome.lost < outcome.accepted


def test_a_worker_that_was_cut_off_settles_nothing_late(tmp_path: Path) -> None:
    run_short(postgres_partition, tmp_path)


def test_a_server_that_stands_still_is_answered_for_with_503(tmp_path: Path) -> None:
    run_short(postgres_suspended, tmp_path)


def test_a_rolling_deploy_runs_nothing_twice_and_spends_no_attempt(tmp_path: Path) -> None:
    run_short(postgres_drain, tmp_path)


def test_a_forgotten_snapshot_is_told_by_its_program(tmp_path: Path) -> None:
    run_short(postgres_snapshot, tmp_path)


def test_queues_go_past_a_pooler_that_dies(tmp_path: Path) -> None:
    run_short(postgres_pooler, tmp_path)


def test_programs_of_two_versions_share_a_queue_until_its_tables_refuse_one(tmp_path: Path) -> None:
    run_short(postgres_versions, tmp_path)


def test_a_schedule_fires_once_whichever_program_dies_in_it(tmp_path: Path) -> None:
    run_short(fire_times, tmp_path)


def test_limits_are_kept_whichever_program_dies_or_stops(tmp_path: Path) -> None:
    run_short(postgres_declared, tmp_path)


def test_limits_are_kept_while_a_worker_is_cut_off(tmp_path: Path) -> None:
    run_short(postgres_declared_partition, tmp_path)
