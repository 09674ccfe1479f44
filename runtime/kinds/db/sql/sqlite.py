"""db.sql.sqlite: a database in a file, or in memory."""

from __future__ import annotations

import msgspec

from runtime.engines.sql.sqlite.connection import MEMORY, Settings
from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.tracing import database
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Kind, Linked, Stage


class Config(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    pragmas: dict[str, str | int | bool | None]
    busy_timeout: float
    transaction_timeout: float


def build(config: Config, context: BuildContext) -> Database:
    in_memory = config.file == MEMORY
    settings = Settings(
        file=MEMORY if in_memory else str(context.path(config.file)),
        label=config.file,
        pragmas={name: value for name, value in config.pragmas.items() if value is not None},
        busy_timeout=config.busy_timeout,
    )
    return database(settings, config.transaction_timeout, context.telemetry)


def single_process_problem(entry: Linked) -> Problem | None:
    if entry.fields["file"] != MEMORY:
        return None
    return Problem(("file",), f"'{entry.id}' is in memory", "give it a file")


kind = Kind(
    "db.sql.sqlite", Config, build, stage=Stage.RESOURCE, multiprocess=single_process_problem
)
