"""runtime migrate: apply the migrations of an application without starting it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from runtime.application.migrations import migrations_of, open_migrations
from runtime.cli.options import Chosen, CommandError, application, json_option
from runtime.cli.part import open_log
from runtime.cli.table import print_table
from runtime.cli.times import moment
from runtime.cli.unmade import as_empty, tell_unmade, unmade
from runtime.cli.whereabouts import load_in_place
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.linking.linker import LinkedManifest
from runtime.log.log import Log
from runtime.service import StartError, Unavailable
from runtime.units import format_duration, format_time

PENDING = 7
"""The exit code of `--status --exit-code` if something is to be applied."""


@click.command(
    "migrate",
    epilog="Exit codes: 0 done, 2 usage, 3 findings, 4 a migration or a database failed; "
    f"with --exit-code {PENDING} if something is to be applied.",
)
@application
@click.option(
    "--status", is_flag=True, help="Show what was applied and what is to be; change nothing."
)
@click.option(
    "--exit-code", is_flag=True, help=f"With --status: exit with {PENDING} unless all is applied."
)
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    type=click.IntRange(0),
    metavar="NUMBER",
    help="Take the changed file of an applied migration for what was applied; may be repeated.",
)
@json_option
def command(
    chosen: Chosen,
    status: bool,
    exit_code: bool,
    accepted: tuple[int, ...],
    as_json: bool,
) -> None:
    """Apply the migrations of the application in DIR (default: here), without starting it.

    Only the databases that have migrations are opened. It may run beside the application: of
    several programs, one applies a migration and the others wait.

    \b
      runtime migrate shop
      runtime migrate --status shop
    """
    if exit_code and not status:
        raise CommandError("--exit-code is for --status; without it, 4 tells of a failure")
    if status and accepted:
        raise CommandError("--accept changes the table, which --status does not; drop one")
    linked = load_in_place(chosen)
    if not migrations_of(linked):
        raise CommandError("no entry of kind db.migrations; see 'runtime kinds db.migrations'")
    log = open_log("warning")
    missing = unmade(linked, migrations_of(linked)) if status else {}
    tell_unmade(missing)
    try:
        with as_empty(linked, missing) as opened:
            work = _status(opened, log) if status else _apply(opened, log, accepted, as_json)
            rows = asyncio.run(work)
    except (StartError, Unavailable) as error:
        print(error, file=sys.stderr)
        sys.exit(ExitCode.START_FAILED)
    _print(rows, as_json, status)
    if exit_code and any(row["state"] in _TO_DO for row in rows):
        sys.exit(PENDING)


_TO_DO = ("pending", "changed", "out of order")
_Row = Mapping[str, Any]


async def _status(linked: LinkedManifest, log: Log) -> list[_Row]:
    rows: list[_Row] = []
    async with open_migrations(linked, log) as components:
        for id, component in components.items():
            plan = await component.plan()
            for step in plan.steps:
                at = step.record and format_time(step.record.applied_at.timestamp())
                seconds = step.record and step.record.seconds
                rows.append(_row(id, step.name, step.state.value, at, seconds))
    return rows


async def _apply(
    linked: LinkedManifest, log: Log, accepted: Sequence[int], as_json: bool
) -> list[_Row]:
    rows: list[_Row] = []
    async with open_migrations(linked, log) as components:
        if accepted and len(components) > 1:
            raise StartError("--accept needs one entry of kind db.migrations, and there are more")
        for id, component in components.items():
            for migration in await component.accept(accepted) if accepted else ():
                rows.append(_row(id, migration.name, "accepted"))
                _tell(rows[-1], as_json)

            def report(migration: Any, seconds: float | None, id: EntryId = id) -> None:
                state = "baseline" if seconds is None else "applied"
                rows.append(_row(id, migration.name, state, None, seconds))
                _tell(rows[-1], as_json)

            try:
                await component.apply(report)
            except (StartError, Unavailable) as error:
                raise type(error)(f"{id}: {error}") from None
    return rows


def _row(
    id: EntryId, name: str, state: str, at: str | None = None, seconds: float | None = None
) -> _Row:
    return {"entry": str(id), "name": name, "state": state, "applied_at": at, "seconds": seconds}


def _tell(row: _Row, as_json: bool) -> None:
    """Print one migration at once: the next may take long."""
    if not as_json:
        took = "" if row["seconds"] is None else f" ({format_duration(row['seconds'])})"
        print(f"{row['entry']}  {row['name']}  {row['state']}{took}", flush=True)


def _print(rows: Sequence[_Row], as_json: bool, status: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
    elif not rows:
        print("no migration yet" if status else "nothing to apply")
    elif status:
        print_table([(row["entry"], row["name"], row["state"], _applied(row)) for row in rows])


def _applied(row: _Row) -> str:
    at: str | None = row["applied_at"]
    return "" if at is None else moment(at)
