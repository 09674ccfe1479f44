"""The files of migrations beside what a database has had."""

from __future__ import annotations

from datetime import UTC, datetime

from runtime.engines.sql.migrations.history import Record
from runtime.engines.sql.migrations.migration import Migration, read
from runtime.engines.sql.migrations.plan import compare

AT = datetime(2026, 1, 31, tzinfo=UTC)


def file(version: int, text: str = "SELECT 1") -> Migration:
    return read(version, f"{version:04}_step.sql", text.encode())


def record(version: int, seconds: float | None = 0.1) -> Record:
    checksum = file(version).checksum
    return Record(
        version=version,
        name=f"{version}_step.sql",
        checksum=checksum,
        applied_at=AT,
        seconds=seconds,
    )


def states(files: list[Migration], records: list[Record]) -> list[tuple[int, str]]:
    return [(step.version, step.state.value) for step in compare(files, records).steps]


def test_what_has_a_file_and_no_record_is_pending() -> None:
    plan = compare([file(1), file(2), file(4)], [record(1)])

    assert [each.version for each in plan.pending] == [2, 4]
    assert list(plan.obstacles()) == []


def test_each_version_has_one_state() -> None:
    files = [file(1), file(2, "SELECT 2"), file(3), file(5), file(6)]
    records = [record(1, None), record(2), record(4), record(5), record(7)]

    assert states(files, records) == [
        (1, "baseline"),
        (2, "changed"),
        (3, "out of order"),
        (4, "missing"),
        (5, "applied"),
        (6, "out of order"),
        (7, "newer"),
    ]


def test_a_file_may_be_renamed() -> None:
    assert states([file(3)], [record(3)]) == [(3, "applied")]


def test_a_changed_file_is_an_obstacle_with_two_ways_out() -> None:
    assert list(compare([file(1, "SELECT 2")], [record(1)]).obstacles()) == [
        "'0001_step.sql' was changed since it was applied on 2026-01-31; put it back as it was "
        "and write the change as another migration, or accept it by 'runtime migrate --accept 1' "
        "if the tables are right as they are"
    ]


def test_a_number_below_the_last_one_is_an_obstacle() -> None:
    assert list(compare([file(1), file(2)], [record(2)]).obstacles()) == [
        "'0001_step.sql' comes before number 2, which is applied already; give it a number above 2"
    ]


def test_an_older_program_may_use_a_newer_database() -> None:
    plan = compare([file(1)], [record(1), record(2)])

    assert list(plan.obstacles()) == []
    assert plan.pending == []
