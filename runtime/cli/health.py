"""runtime health: ask a running application if it is alive, or ready."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from runtime.cli.programs import running_application, running_programs
from runtime.engines.management.client import Client, NoAnswer
from runtime.exit_codes import ExitCode
from runtime.units import parse_duration


class _Duration(click.ParamType[float]):
    name = "DURATION"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not seconds:
            self.fail(f"'{value}' is no time in which anything answers", param, ctx)
        return seconds


@click.command("health", epilog="Exit codes: 0 healthy, 1 not, 4 nothing runs.")
@running_application
@click.option("--ready", is_flag=True, help="Ask if it should be sent work, not if it is alive.")
@click.option(
    "--timeout",
    type=_Duration(),
    default="2s",
    show_default=True,
    help="The time in which it has to answer.",
)
def command(folder: Path, ready: bool, timeout: float) -> None:
    """Ask the running application in DIR (default: here) how it is: a probe for containers.

    Nothing of the application is read or imported. If several programs run it, all have to be well.
    """
    programs = running_programs(folder, timeout)
    faults = {pid: _fault(client, ready) for pid, client in programs.items()}
    for pid, fault in faults.items():
        if fault is not None:
            click.echo(f"{f'process {pid}: ' if len(faults) > 1 else ''}{fault}", err=True)
    if any(faults.values()):
        sys.exit(ExitCode.INTERNAL_ERROR)
    click.echo("ready" if ready else "ok")


def _fault(client: Client, ready: bool) -> str | None:
    try:
        answer = client.get("/readyz" if ready else "/livez")
    except NoAnswer as error:
        return str(error)
    if answer.status == 200:
        return None
    if not ready:
        return answer.problem
    checks = answer.json["checks"]
    return "; ".join(f"{each['name']}: {each['why']}" for each in checks if not each["ok"])
