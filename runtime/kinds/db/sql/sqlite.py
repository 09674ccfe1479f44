"""db.sql.sqlite: a database in a file, or in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from runtime.engines.sql.sqlite.commits import Commits
from runtime.engines.sql.sqlite.connection import MEMORY, Settings
from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.file import examine as examine_file
from runtime.engines.sql.sqlite.tracing import database
from runtime.findings.finding import Problem
from runtime.findings.remark import Remark
from runtime.kind import BuildContext, Kind, Linked, Stage
from runtime.service import StartError


class Config(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    file_mode: str
    pragmas: dict[str, str | int | bool | None]
    busy_timeout: float
    transaction_timeout: float


def build(config: Config, context: BuildContext) -> Database:
    in_memory = config.file == MEMORY
    settings = Settings(
        file=MEMORY if in_memory else str(context.path(config.file)),
        label=config.file,
        name=str(context.id),
        pragmas={name: value for name, value in config.pragmas.items() if value is not None},
        busy_timeout=config.busy_timeout,
        file_mode=int(config.file_mode, 8),
    )
    commits = Commits() if context.scope.counts else None
    return database(settings, config.transaction_timeout, context.telemetry, commits)


def check(entry: Linked) -> Iterable[Problem]:
    file: str = entry.fields["file"]
    found: tuple[str, str] | None = None
    if "\0" in file:
        found = "has a NUL in it", "remove it"
    elif not file.strip():
        found = "is blank", "name a file, such as ./data/app.db"
    elif file.rpartition("/")[2] in ("", ".", ".."):
        found = "names a folder", "add the name of a file, such as app.db"
    elif file.startswith(("file:", "sqlite:")):
        found = "is a URL", "write the path alone"
    elif file.startswith("~"):
        found = "begins with '~', which means nothing here", "write ${env:HOME} in its place"
    elif file != MEMORY and file.strip(": ").lower() == "memory":
        found = "would be a file of that name", "write ':memory:', in quotes"
    if found:
        yield Problem(("file",), f"'file' {found[0]}", found[1])


def single_process_problem(entry: Linked) -> Problem | None:
    if entry.fields["file"] != MEMORY:
        return None
    return Problem(("file",), f"'{entry.id}' is in memory", "give it a file")


def examine(entry: Linked, folder: Path) -> Iterable[Remark]:
    file: str = entry.fields["file"]
    return () if file == MEMORY else examine_file((folder / file).absolute(), file)


def revise(database: Database, before: Config, config: Config, context: BuildContext) -> None:
    """Nothing changes in place, and one thing not beside it either: SQLite changes the journal only
    for one who has the file alone. Raises StartError for that.
    """
    if not database.is_open or config.file != before.file or config.file == MEMORY:
        return
    was, wanted = (
        str(each.pragmas.get("journal_mode") or "WAL").upper() for each in (before, config)
    )
    if was != wanted:
        raise StartError(
            f"{context.id}: 'journal_mode' is {was} while the file is open, not {wanted}; "
            "start the program again"
        )


def cost(database: Database) -> str | None:
    return "the tables in memory" if database.label == MEMORY else None


kind = Kind(
    "db.sql.sqlite",
    Config,
    build,
    stage=Stage.RESOURCE,
    check=check,
    examine=examine,
    cost=cost,
    revise=revise,
    multiprocess=single_process_problem,
)
