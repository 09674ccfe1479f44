"""Copies: the database that a command copies, and how far it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from runtime.application.part import Part
from runtime.cli.options import CommandError
from runtime.cli.part import open_log
from runtime.engines.sql.backup import Progress, Restorable
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.findings.suggestion import did_you_mean
from runtime.linking.linker import LinkedManifest
from runtime.service import StartError

DATABASES = "db.sql."

database_option = click.option(
    "--database", "database_", metavar="ID", help="The database, if the application has several."
)


def database(linked: LinkedManifest, named: str | None) -> tuple[EntryId, Restorable]:
    """The database of this id, or the only one; it is built, and does not run.

    Raises CommandError if there is none, or more than one without an id.
    """
    ids = [id for id, link in linked.links.items() if link.kind.name.startswith(DATABASES)]
    if named is not None:
        names = {str(id): id for id in ids}
        alike = [text for text in names if named in (text, text.rpartition(":")[2])]
        if named not in names and len(alike) != 1:
            hint = did_you_mean(named, names) or f"there is {', '.join(names) or 'none'}"
            raise CommandError(f"no database '{named}'; {hint}")
        id = names[named if named in names else alike[0]]
    elif len(ids) == 1:
        (id,) = ids
    else:
        found = f"several databases: {', '.join(map(str, ids))}" if ids else "no database"
        hint = "; choose one by --database" if ids else ""
        raise CommandError(f"the application has {found}{hint}")
    part = Part(linked, [id], open_log("warning"))
    part.build()
    component = part.components[id]
    if not isinstance(component, Restorable):
        raise CommandError(
            f"'{id}' is kept by its server, whose own tools copy it, such as pg_dump and pg_restore"
        )
    return id, component


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """A bar on a terminal, and nothing elsewhere. A StartError of the block is exit code 4."""
    try:
        if not sys.stderr.isatty():
            yield _silent
            return
        with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

            def report(done: int, pages: int) -> None:
                bar.length = max(pages, 1)
                bar.update(done - bar.pos)

            yield report
    except StartError as error:
        print(error, file=sys.stderr)
        sys.exit(ExitCode.START_FAILED)


def _silent(done: int, pages: int) -> None:
    pass
