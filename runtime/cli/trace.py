"""runtime trace: one request or message, from its beginning to its last attempt."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from runtime.cli.programs import answers_of, running_application_option, running_programs
from runtime.cli.waterfall import ASCII, BLOCKS, draw
from runtime.exit_codes import ExitCode


@click.command("trace", epilog="Exit codes: 0 found, 1 not found, 4 nothing runs.")
@click.argument("id")
@running_application_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as /api/traces/ID has it.")
def command(id: str, folder: Path, as_json: bool) -> None:
    """Draw what a request or a message did: each step, its waits, its retries and log lines.

    ID is that of a trace, of a request (the header X-Request-ID), or of a message; of a trace, its
    first eight digits do.
    """
    path = f"/api/traces/{quote(id, safe='')}"
    asked = answers_of(running_programs(folder), lambda client: client.get(path))
    answers = [answer for _, answer in asked]
    found = next((each for each in answers if each.status == 200), None)
    if found is None:
        click.echo(answers[0].problem, err=True)
        sys.exit(ExitCode.INTERNAL_ERROR)
    if as_json:
        click.echo(found.body.decode())
        return
    for line in drawn(found.json):
        click.echo(line, color=True)


def drawn(picture: Any) -> list[str]:
    """The lines of a drawing for this terminal."""
    stdout = sys.stdout
    colour = stdout.isatty() or "FORCE_COLOR" in os.environ
    encoding = (stdout.encoding or "").lower().replace("-", "")
    width = shutil.get_terminal_size((100, 24)).columns
    signs = BLOCKS if encoding.startswith("utf") else ASCII
    return [*draw(picture, width, signs, colour=colour and "NO_COLOR" not in os.environ)]
