"""Migrations of a running database of either kind, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from runtime.clock import REAL
from runtime.engines.sql.contract import Database, Transaction
from runtime.engines.sql.migrations.migration import Migration
from runtime.engines.sql.migrations.migrator import Migrator, Settings
from tests.support import databases, postgres_databases
from tests.support.blackbox import write_files
from tests.support.databases import serving

Open = Callable[[], AbstractAsyncContextManager[Any]]


def sqlite(file: Path | str, **options: Any) -> Open:
    return lambda: serving(databases.database(file, **options))


def postgres(url: str, **options: Any) -> Open:
    return lambda: serving(postgres_databases.database(url, **options))


class Steps:
    """A folder of migrations on a running database, and what was reported."""

    def __init__(self, database: Database, folder: Path, baseline: int | None = None) -> None:
        self.database = database
        self.folder = folder
        self.reported: list[tuple[str, bool]] = []
        """The name of each file, and if it was run."""
        settings = Settings(folder=folder, table="runtime_migrations", baseline=baseline)
        self.migrator = Migrator(database, settings, self._python, REAL)
        self.python: Callable[[Transaction], Any] | None = None

    def write(self, **files: str) -> None:
        """Write files of SQL, each named after its first underscore: `_1_tasks`."""
        write_files(self.folder, {f"{name[1:]}.sql": text for name, text in files.items()})

    async def apply(self) -> list[str]:
        """Apply what is pending, and return the files that were run."""
        before = len(self.reported)
        await self.migrator.apply(
            lambda each, took: self.reported.append((each.name, took is not None))
        )
        return [name for name, ran in self.reported[before:] if ran]

    async def states(self) -> dict[str, str]:
        plan = await self.migrator.plan()
        return {step.name: step.state.value for step in plan.steps}

    async def count(self, table: str) -> int:
        row = await self.database.query_one(f"SELECT count(*) AS n FROM {table}")
        assert row is not None
        return int(row["n"])

    async def _python(self, migration: Migration, tx: Transaction) -> None:
        assert self.python is not None
        await self.python(tx)


@asynccontextmanager
async def steps(open: Open, folder: Path, baseline: int | None = None) -> AsyncIterator[Steps]:
    write_files(folder, {"README.md": "The schema."})
    async with open() as database:
        yield Steps(database, folder, baseline)
