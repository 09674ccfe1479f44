"""runtime list: list the entries of an application."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import click

from runtime.cli.options import Chosen, allow_unset_option, application, json_option, load
from runtime.cli.table import print_table


@click.command("list")
@application
@allow_unset_option
@click.option("-k", "--kind", default="*", help="Only entries of this kind; * stands for anything.")
@json_option
def command(
    chosen: Chosen,
    allow_unset: bool,
    kind: str,
    as_json: bool,
) -> None:
    """List the entries of the application in DIR: id, kind, and where each is declared."""
    linkage = load(chosen, allow_unset)
    entries = [
        entry for entry in linkage.manifest.entries.values() if fnmatchcase(entry.kind, kind)
    ]
    if as_json:
        rows = [
            {"id": str(entry.id), "kind": entry.kind, "declared": str(entry.position)}
            for entry in entries
        ]
        print(json.dumps(rows, indent=2))
    else:
        print_table([(str(e.id), e.kind, str(e.position)) for e in entries])
