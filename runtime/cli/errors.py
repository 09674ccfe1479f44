"""runtime errors: what went wrong in a running application, grouped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from runtime.cli.programs import (
    good_answers_of,
    running_application,
    running_programs,
)
from runtime.cli.table import table_lines
from runtime.cli.times import moment
from runtime.units import parse_duration


@click.command("errors", epilog="Exit codes: 0 it answers, 4 nothing runs.")
@running_application
@click.option(
    "--since",
    metavar="WHEN",
    default="",
    help="Leave out what happened before: a duration such as 1h, or a time such as "
    "2026-11-28T06:00Z.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as /api/errors has it.")
def command(folder: Path, since: str, as_json: bool) -> None:
    """Show the errors of the running application in DIR (default: here), by the exception and the
    line that raised it.

    They are those that the log has had with a traceback since the start. The id at the end of each
    is that of the last message, request or trace: see 'runtime trace'.
    """
    groups = []
    path = f"/api/errors?since={quote(since)}"
    for answer in good_answers_of(running_programs(folder), path):
        groups += answer.json["errors"]
    if as_json:
        click.echo(json.dumps({"errors": groups}))
    elif not groups:
        click.echo("no errors" + (f" {_period(since)}" if since else ""))
    else:
        for line in shown(sorted(groups, key=lambda each: str(each["last"]), reverse=True)):
            click.echo(line)


def _period(since: str) -> str:
    try:
        parse_duration(since)
    except ValueError:
        return f"since {since}"
    return f"in the last {since}"


def shown(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    """The lines of a table of groups."""
    rows = [("COUNT", "LAST", "ERROR", "PLACE", "ENTRY", "ID")]
    for each in groups:
        id = each["message_id"] or each["request_id"] or each["trace_id"] or ""
        text = " ".join(f"{each['type']}: {each['text']}".split())
        rows.append(
            (
                f"{each['count']:,}",
                moment(each["last"]),
                text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…",
                each["place"],
                each["entry"],
                id,
            )
        )
    return table_lines(rows)


_LONGEST = 60
