"""Plan: the files of the migrations beside what the database has had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec

from runtime.engines.sql.migrations.history import Record
from runtime.engines.sql.migrations.migration import Migration


class State(StrEnum):
    APPLIED = "applied"
    BASELINE = "baseline"
    """Taken for applied, since the database is older than the migrations."""
    PENDING = "pending"
    CHANGED = "changed"
    """Applied, from a file that was another one then."""
    LATE = "out of order"
    """Not applied, although one with a higher number is."""
    MISSING = "missing"
    """Applied, and its file is gone, although there are files with higher numbers."""
    NEWER = "newer"
    """Applied by a newer program, which has more files."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One version, with its file, its record, or both."""

    state: State
    migration: Migration | None
    record: Record | None

    @property
    def version(self) -> int:
        either = self.migration or self.record
        assert either is not None
        return either.version

    @property
    def name(self) -> str:
        either = self.migration or self.record
        assert either is not None
        return either.name


class Plan(msgspec.Struct, frozen=True):
    """All steps, by version."""

    steps: Sequence[Step]

    @property
    def pending(self) -> list[Migration]:
        return [s.migration for s in self.steps if s.state is State.PENDING and s.migration]

    def at(self, state: State) -> list[Step]:
        return [step for step in self.steps if step.state is state]

    def obstacles(self) -> Iterator[str]:
        """The reasons why nothing may be applied, each a sentence with its mend."""
        for step in self.at(State.CHANGED):
            assert step.record is not None
            day = step.record.applied_at.date().isoformat()
            yield (
                f"'{step.name}' was changed since it was applied on {day}; put it back as it was "
                "and write the change as another migration, or accept it by "
                f"'runtime migrate --accept {step.version}' if the tables are right as they are"
            )
        for step in self.at(State.LATE):
            last = max(s.version for s in self.steps if s.record is not None)
            yield (
                f"'{step.name}' comes before number {last}, which is applied already; "
                f"give it a number above {last}"
            )


def compare(migrations: Sequence[Migration], records: Sequence[Record]) -> Plan:
    """The state of every version that has a file or a record."""
    files = {migration.version: migration for migration in migrations}
    applied = {record.version: record for record in records}
    last_file, last_applied = max(files, default=-1), max(applied, default=-1)
    steps = []
    for version in sorted({*files, *applied}):
        file, record = files.get(version), applied.get(version)
        if record is None:
            state = State.PENDING if version > last_applied else State.LATE
        elif file is None:
            state = State.NEWER if version > last_file else State.MISSING
        elif file.checksum != record.checksum:
            state = State.CHANGED
        else:
            state = State.BASELINE if record.seconds is None else State.APPLIED
        steps.append(Step(state=state, migration=file, record=record))
    return Plan(steps)
