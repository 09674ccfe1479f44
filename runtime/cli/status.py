"""runtime status: what a running application does."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from runtime.cli.programs import running_programs
from runtime.cli.table import table_lines
from runtime.engines.management.client import TIMEOUT, Answer, Client, NoAnswer
from runtime.exit_codes import ExitCode
from runtime.units import format_duration

WATCH = 1.0
"""Seconds between two looks."""
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"


@click.command("status", epilog="Exit codes: 0 it answers, 4 nothing runs.")
@click.argument(
    "folder",
    metavar="[DIR]",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "-C",
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The same as DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as /api/status has it.")
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
def command(folder: Path, directory: Path | None, as_json: bool, watch: bool) -> None:
    """Show the services and queues of the running application in DIR (default: here).

    If several programs run it, each is shown; with --json, each on a line of its own.
    """
    folder = directory or folder
    while True:
        shown = _shown(folder, as_json)
        if watch and not as_json and sys.stdout.isatty():
            click.echo(_CLEAR, nl=False)
        click.echo(shown)
        if not watch:
            return
        time.sleep(WATCH)


def _shown(folder: Path, as_json: bool) -> str:
    programs = running_programs(folder, TIMEOUT)
    if not programs:
        click.echo(f"nothing runs in '{folder}'", err=True)
        sys.exit(ExitCode.START_FAILED)
    answers = [_ask(pid, client) for pid, client in programs.items()]
    if as_json:
        return "\n".join(answer.body.decode() for answer in answers)
    return "\n\n".join("\n".join(_picture(answer.json)) for answer in answers)


def _ask(pid: int, client: Client) -> Answer:
    try:
        answer = client.get("/api/status")
    except NoAnswer as error:
        raise click.ClickException(f"process {pid}: {error}") from None
    if answer.status != 200:
        raise click.ClickException(f"process {pid}: {answer.problem}")
    return answer


def _picture(status: Mapping[str, Any]) -> Iterator[str]:
    generation = f", generation {status['generation']}" if status["generation"] > 1 else ""
    yield f"{status['app']} is {status['state']} (process {status['pid']}{generation})"
    yield status["verdict"]["say"]
    if held := status["blocked"]:
        where = f" at {held['where']}" if held["where"] else ""
        lasted = format_duration(held["seconds"])
        yield f"the event loop has been held for {lasted} by {held['entry'] or 'something'}{where}"
    if status["services"]:
        yield ""
        yield from table_lines([_SERVICES, *map(_service, status["services"])])
    if status["queues"]:
        yield ""
        yield from table_lines([_QUEUES, *map(_queue, status["queues"])])


_SERVICES = ("SERVICE", "STATE", "RESTARTS", "BUSY", "WHERE")
_QUEUES = ("QUEUE", "READY", "DELAYED", "RUNNING", "DEAD", "OLDEST", "IN/S", "OUT/S")


def _service(service: Mapping[str, Any]) -> tuple[str, ...]:
    workers = service["workers"]
    busy = f"{workers['busy']}/{workers['of']}" if workers else ""
    about = (
        service["error"] or service["unreachable"] or service["rejecting"] or service["where"] or ""
    )
    return service["id"], service["state"], str(service["restarts"]), busy, about


def _queue(queue: Mapping[str, Any]) -> tuple[str, ...]:
    more = "+" if queue["capped"] else ""
    counts = [_count(queue[name]) for name in ("ready", "delayed", "running", "dead")]
    counts[0] += more
    oldest = "" if queue["oldest"] is None else format_duration(queue["oldest"])
    paused = " (paused)" if queue["paused"] else ""
    rates = (f"{queue['in_rate']:g}", f"{queue['out_rate']:g}")
    return f"{queue['id']}{paused}", *counts, oldest, *rates


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"
