"""runtime plan: what a reload of a running application would do."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from runtime.cli.changes import asked, shown
from runtime.cli.options import json_option
from runtime.cli.programs import running_application

CHANGES = 7


@click.command(
    "plan",
    epilog="Exit codes: 0 planned, 3 findings, which a reload would refuse, 4 nothing runs; "
    "with --exit-code, 7 if something would change.",
)
@running_application
@json_option
@click.option("--exit-code", is_flag=True, help="Exit with 7 if something would change.")
def command(folder: Path, as_json: bool, exit_code: bool) -> None:
    """Tell what a reload of the running application in DIR (default: here) would do now.

    Each entry that is not as it runs is revised, replaced, started, stopped, added or removed.
    Nothing is changed. With --json, kept entries are told too.
    """
    found = asked(folder, lambda client: client.get("/api/plan"), "a reload would be refused")
    for changes in found.values():
        for line in [json.dumps(changes)] if as_json else shown(changes, "nothing would change"):
            click.echo(line)
    if exit_code and any(_differs(changes) for changes in found.values()):
        sys.exit(CHANGES)


def _differs(changes: object) -> bool:
    assert isinstance(changes, dict)
    return any(each["action"] != "keep" for each in changes["changes"])
