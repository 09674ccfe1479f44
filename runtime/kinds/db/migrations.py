"""db.migrations: changes of a database's schema, as files that are applied once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from runtime.engines.sql.migrations.folder import read_folder
from runtime.engines.sql.migrations.migration import FUNCTION, Migration
from runtime.engines.sql.migrations.migrator import Migrator, Report, Settings, warn
from runtime.engines.sql.migrations.plan import Plan
from runtime.findings.display import display_path
from runtime.findings.finding import Note, Problem
from runtime.handlers.context import Background
from runtime.handlers.place import raised_at
from runtime.handlers.threads import run_in_thread
from runtime.kind import (
    BuildContext,
    Claim,
    Invocation,
    Kind,
    Linked,
    Ready,
    Stage,
    StartError,
    Unavailable,
)
from runtime.kinds.db.sql import Database, Transaction
from runtime.loggers import logger
from runtime.service import run_until
from runtime.units import format_duration

log = logger("runtime.migrations")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    database: Database
    directory: str
    table: str
    baseline: int | None


class Migrations:
    """A service that ends once the database has had all migrations."""

    def __init__(self, config: Config, context: BuildContext) -> None:
        self._context = context
        self._folder = context.path(config.directory)
        settings = Settings(folder=self._folder, table=config.table, baseline=config.baseline)
        self._migrator = Migrator(config.database, settings, self._run_python, context.clock)

    async def run(self, ready: Ready, stop: asyncio.Event) -> int:
        """Apply what is pending. A stop rolls the present one back, and the next start goes on."""
        await run_until(stop, self._apply())
        return 0

    async def plan(self) -> Plan:
        """Compare the files with the database; see `Migrator.plan`."""
        return await self._migrator.plan()

    async def apply(self, report: Report) -> Plan:
        """Apply what is pending; see `Migrator.apply`."""
        return await self._migrator.apply(report)

    async def accept(self, versions: Sequence[int]) -> list[Migration]:
        """Take changed files for what was applied. Raises StartError."""
        return await self._migrator.accept(versions)

    async def _apply(self) -> None:
        warn(await self.apply(self._log))

    def _log(self, migration: Migration, seconds: float | None) -> None:
        how = "taken for applied" if seconds is None else f"applied ({format_duration(seconds)})"
        log.info("%s: %s", migration.name, how, extra={"entry": self._context.id})

    async def _run_python(self, migration: Migration, tx: Transaction) -> None:
        context = self._context
        handler = context.handlers.load(
            f"file://{migration.name}", FUNCTION, self._folder, context.position
        )
        thread = partial(run_in_thread, f"{context.id} {migration.name}")
        invocation = Invocation(
            context.id, context.scope, handler, context.telemetry, submit=thread
        )
        file = self._folder / migration.name
        try:
            given = tx.blocking if handler.blocking else tx
            result = await invocation.call_apart(_Run(migration.name), given)
        except Unavailable:
            raise
        except (Exception, SystemExit) as error:
            place = raised_at(error, file) or display_path(file)
            fields = {"entry": context.id}
            log.error("%s failed", migration.name, exc_info=error, extra=fields)
            reason = f"{type(error).__name__}: {error}; nothing of it was applied"
            raise StartError(f"{place}: {reason}") from error
        if result is not None:
            hint = "return nothing, and raise what went wrong; nothing of it was applied"
            raise StartError(f"{display_path(file)}: it returned {result!r}; {hint}")


class _Run(Background):
    """The subject of the call of a migration in Python."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def log_ids(self) -> Mapping[str, object]:
        return {"migration": self._name}


def check(entry: Linked) -> Iterable[Claim]:
    database = entry.follow("database")
    if database is not None:
        table = entry.fields["table"]
        yield Claim(database.id, f"the table '{table}'", ("table",), key=table.lower())


def check_files(entry: Linked, folder: Path) -> Iterable[Problem]:
    directory: str = entry.fields["directory"]
    path = (folder / directory).absolute()
    found = read_folder(path, directory)
    for fault in found.faults:
        yield fault.at("directory")
    if not found.migrations and not found.faults:
        hint = "write 0001_name.sql"
        yield Note(("directory",), f"no migration in '{directory}' yet", hint)
    python = next((each.name for each in found.migrations if each.is_python), None)
    if python is not None and not _is_importable(path, folder.absolute()):
        message = f"'{directory}/{python}' is no part of the application's folder"
        hint = "migrations in Python need a folder in it, without dots in its name"
        yield Problem(("directory",), message, hint)


def _is_importable(path: Path, application: Path) -> bool:
    if not path.resolve().is_relative_to(application.resolve()):
        return False
    return path.is_relative_to(application) and not any(
        "." in part for part in path.relative_to(application).parts
    )


def reads(entry: Linked, folder: Path) -> Iterable[Path]:
    yield folder / entry.fields["directory"]


kind = Kind(
    "db.migrations",
    Config,
    Migrations,
    stage=Stage.MIGRATION,
    check=check,
    check_files=check_files,
    reads=reads,
    prepares="database",
)
