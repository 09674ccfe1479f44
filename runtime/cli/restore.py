"""runtime restore: put a backup in the place of the database of an application."""

from __future__ import annotations

from pathlib import Path

import click

from runtime.cli.confirm import confirm, yes_option
from runtime.cli.copies import database, database_option, progress
from runtime.cli.options import Chosen, application_before
from runtime.cli.whereabouts import load_in_place


@click.command(
    "restore",
    epilog="Exit codes: 0 done, 1 you said no, 2 usage, 3 findings, 4 the backup is damaged, or "
    "the database is in use.",
)
@application_before
@click.argument(
    "file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@database_option
@yes_option
def command(chosen: Chosen, file: Path, database_: str | None, yes: bool) -> None:
    """Put FILE, which 'runtime backup' wrote, in the place of the database of the application in
    DIR.

    The application must be stopped. FILE is checked first, and the database that was there is kept
    beside the new one, under another name.
    """
    id, component = database(load_in_place(chosen), database_)
    confirm(f"replace the database {id} by {file}", yes)
    with progress(f"{id}") as report:
        kept = component.restore(file, report)
    print(f"restored {id} from {file}" + (f"; what was there is {kept}" if kept else ""))
