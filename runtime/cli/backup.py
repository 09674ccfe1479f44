"""runtime backup: copy the database of an application, also of one that runs."""

from __future__ import annotations

from pathlib import Path

import click

from runtime.cli.copies import database, database_option, progress
from runtime.cli.options import Chosen, application_before
from runtime.cli.whereabouts import load_in_place
from runtime.units import format_size


@click.command(
    "backup",
    epilog="Exit codes: 0 done, 2 usage, 3 findings, 4 the database cannot be copied.",
)
@application_before
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@database_option
def command(chosen: Chosen, file: Path, database_: str | None) -> None:
    """Copy the SQLite database of the application in DIR to FILE, as it is at this moment.

    It may run meanwhile: nobody waits. The copy is checked before it has its name, and messages
    that are in flight are ready in it. FILE is never overwritten.

    \b
      runtime backup shop shop.backup
      runtime restore shop shop.backup
    """
    id, component = database(load_in_place(chosen), database_)
    with progress(f"{id}") as report:
        component.back_up(file, report)
    print(f"copied {id} to {file} ({format_size(file.stat().st_size)}), and checked it")
