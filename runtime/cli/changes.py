"""Changes: what a reload of a running application did, or would do, as commands show it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from runtime.cli.excerpt import print_findings
from runtime.cli.programs import answers_of, running_programs
from runtime.cli.table import table_lines
from runtime.engines.management.client import Answer, Client
from runtime.exit_codes import ExitCode
from runtime.findings.display import display_path
from runtime.findings.finding import Finding, Level, Position

TIMEOUT = 35.0
"""Seconds that a reload may take: what is replaced ends its work first."""
_REFUSED = 409


def asked(
    folder: Path, ask: Callable[[Client], Answer], refused: str
) -> dict[int, Mapping[str, Any]]:
    """The changes that each program tells that runs the application, by process.

    Exits with 4 if none runs. If one refuses, prints that it is `refused`, with its findings, and
    exits with 3.
    """
    programs = running_programs(folder, TIMEOUT)
    found: dict[int, Mapping[str, Any]] = {}
    for pid, answer in answers_of(programs, ask):
        several = f"process {pid}: " if len(programs) > 1 else ""
        if answer.status == _REFUSED:
            click.echo(f"{several}{refused}:", err=True)
            print_findings([*map(_finding, answer.json["findings"])], stream=sys.stderr)
            sys.exit(ExitCode.INVALID_MANIFEST)
        if answer.status != 200:
            raise click.ClickException(f"{several}{answer.problem}")
        found[pid] = answer.json
    return found


def shown(changes: Mapping[str, Any], unchanged: str) -> Iterator[str]:
    """A line for each change, and one for what stays; `unchanged` if that is all."""
    rows = [_row(each) for each in changes["changes"] if each["action"] != "keep"]
    yield from table_lines(rows)
    kept = f"{changes['kept']} {'entry' if changes['kept'] == 1 else 'entries'} kept"
    yield kept if rows else f"{unchanged}; {kept}"


def _row(change: Mapping[str, Any]) -> tuple[str, ...]:
    lost = f"{change['lost']} would be lost" if change["lost"] else ""
    return change["action"], change["id"], "; ".join(filter(None, (change["why"], lost)))


def _finding(told: Mapping[str, Any]) -> Finding:
    file = display_path(told["file"]) if told["line"] else told["file"]
    place = Position(file, told["line"], told["column"])
    return Finding(place, told["message"], told["hint"], Level(told["level"]))
