"""runtime reload: have a running application take over what was edited."""

from __future__ import annotations

from pathlib import Path

import click

from runtime.cli.changes import asked, shown
from runtime.cli.programs import running_application


@click.command(
    "reload",
    epilog="Exit codes: 0 done, 3 findings, and nothing was changed, 4 nothing runs.",
)
@running_application
@click.option("--force", is_flag=True, help="Accept that messages or values in memory are lost.")
def command(folder: Path, force: bool) -> None:
    """Have the running application in DIR (default: here) read its folder again, and change what
    differs: SIGHUP with an answer.

    Prints what was changed. If anything is wrong, prints the findings, and the old version goes on.
    """
    path = "/api/reload?force=true" if force else "/api/reload"
    refused = "the reload was refused, and the old version goes on"
    for changes in asked(folder, lambda client: client.post(path), refused).values():
        for line in shown(changes, "nothing changed"):
            click.echo(line)
