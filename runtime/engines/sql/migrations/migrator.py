"""Migrator: applies the migrations of a folder to a database, each once over all programs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from runtime import failpoint
from runtime.clock import Clock
from runtime.engines.sql.contract import Database, Transaction
from runtime.engines.sql.migrations.folder import read_folder
from runtime.engines.sql.migrations.history import History
from runtime.engines.sql.migrations.migration import OUTSIDE, REBUILD, Migration
from runtime.engines.sql.migrations.plan import Plan, State, compare
from runtime.findings.display import display_path
from runtime.loggers import logger
from runtime.service import StartError, Unavailable

log = logger("runtime.migrations")

Report = Callable[[Migration, float | None], None]
"""Called after each commit, with the seconds that it took; None for a baseline."""
RunPython = Callable[[Migration, Transaction], Awaitable[None]]
"""Calls the function of a migration in Python. Raises StartError, with the line that failed."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    folder: Path
    table: str
    baseline: int | None
    """The last version that a database with tables, and without a history, has had already."""


class Migrator:
    """The migrations of one entry. Nothing is kept between two calls."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        run_python: RunPython,
        clock: Clock,
    ) -> None:
        self._database = database
        self._settings = settings
        self._run_python = run_python
        self._history = History(database, settings.table, clock.time)
        self._monotonic = clock.monotonic

    async def plan(self) -> Plan:
        """Compare the files with the database. Changes nothing; raises StartError for bad files."""
        folder = read_folder(self._settings.folder, display_path(self._settings.folder))
        if folder.faults:
            raise StartError(str(folder.faults[0]))
        return compare(folder.migrations, await self._history.records())

    async def apply(self, report: Report) -> Plan:
        """Apply what is pending, in order. Returns the plan as it was.

        Another program that does the same is waited for. Raises StartError for a migration that
        fails, of which nothing is kept; those before it are. Raises Unavailable.
        """
        plan = _checked(await self.plan())
        if not plan.pending:
            return plan
        async with self._database.exclusive(self._settings.table):
            pending = _checked(await self.plan()).pending  # another program may have been here
            if pending and not await self._history.exists():
                is_older = await self._history.has_other_tables()
                await self._history.make()
                if is_older:
                    pending = await self._baseline(pending, report)
            for migration in pending:
                seconds = await self._apply(migration)
                failpoint.point("migrations.apply.after_commit")
                report(migration, seconds)
        return plan

    async def accept(self, versions: Sequence[int]) -> list[Migration]:
        """Take changed files of these versions for what was applied. Raises StartError."""
        plan = await self.plan()
        changed = {step.version: step for step in plan.at(State.CHANGED)}
        if unknown := [version for version in versions if version not in changed]:
            known = ", ".join(map(str, changed)) or "none"
            raise StartError(f"number {unknown[0]} is no changed migration; changed: {known}")
        accepted = [file for version in versions if (file := changed[version].migration)]
        for migration in accepted:
            await self._history.accept(migration)
        return accepted

    async def _baseline(self, pending: Sequence[Migration], report: Report) -> list[Migration]:
        """Take for applied what a database without a history has had. Returns the rest."""
        last = self._settings.baseline
        before = [each for each in pending if last is not None and each.version <= last]
        for migration in before:
            await self._history.insert(self._database, migration, None)
            report(migration, None)
        return [*pending[len(before) :]]

    async def _apply(self, migration: Migration) -> float:
        """Apply one and record it. Returns the seconds that it took."""
        began = self._monotonic()
        try:
            if migration.outside:
                await self._database.executescript_outside(migration.text)
                failpoint.point("migrations.apply.before_commit")
                seconds = self._monotonic() - began
                await self._history.insert(self._database, migration, seconds)
                return seconds
            transaction = self._database.long_transaction(foreign_keys=migration.foreign_keys)
            async with transaction as tx:
                # First, so that a program which was not kept out by the lock waits here.
                await self._history.insert(tx, migration, 0.0)
                if migration.is_python:
                    await self._run_python(migration, tx)
                else:
                    await tx.executescript(migration.text)
                if not migration.foreign_keys:
                    await self._check_foreign_keys(tx)
                seconds = self._monotonic() - began
                await self._history.finish(tx, migration, seconds)
                failpoint.point("migrations.apply.before_commit")
        except StartError:
            raise
        except Unavailable as error:
            raise Unavailable(self._describe(migration, error)) from None
        except Exception as error:
            raise StartError(self._describe(migration, error)) from error
        return seconds

    async def _check_foreign_keys(self, tx: Transaction) -> None:
        if self._database.dialect.name == "SQLite":
            broken = await tx.query("PRAGMA foreign_key_check")
            if broken:
                first = broken[0]
                raise ValueError(
                    f"{len(broken)} rows refer to nothing afterwards, the first of them in "
                    f"'{first['table']}' to '{first['parent']}'"
                )

    def _describe(self, migration: Migration, error: Exception) -> str:
        """The place, the reason, and a mend for what a transaction cannot have in it."""
        text = str(error)
        place = display_path(self._settings.folder / migration.name)
        if found := _PLACED.match(text):
            place, text = f"{place}:{found['line']}", text[found.end() :]
        kept = "what is before it stays" if migration.outside else "nothing of it was applied"
        mend = next((mend for sign, mend in _MENDS if sign.search(text)), "")
        return f"{place}: {text}{mend}; {kept}"


def _checked(plan: Plan) -> Plan:
    """Raise StartError for the first obstacle of a plan."""
    for obstacle in plan.obstacles():
        raise StartError(obstacle)
    return plan


def warn(plan: Plan) -> None:
    """Log what was applied and has no file here."""
    told = {
        State.NEWER: "the database is newer than this program: it has had %s",
        State.MISSING: "applied once, and the file is gone: %s",
    }
    for state, text in told.items():
        if names := ", ".join(step.name for step in plan.at(state)):
            log.warning(text, names)


_PLACED = re.compile(r"statement \d+ \(line (?P<line>\d+)\): ")
_MENDS = (
    (
        re.compile(r"foreign_keys"),
        f"; or write '-- runtime: {REBUILD}' as the first line of the file",
    ),
    (
        re.compile(
            r"(cannot run|cannot be executed|cannot VACUUM).*(inside|within)", re.IGNORECASE
        ),
        f"; write '-- runtime: {OUTSIDE}' as the first line of the file",
    ),
)
