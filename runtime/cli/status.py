"""runtime status: what a running application does."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from runtime.cli import queue_rows
from runtime.cli.programs import good_answers_of, running_application, running_programs
from runtime.cli.table import table_lines
from runtime.units import format_duration

WATCH = 1.0
"""Seconds between two looks."""
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"


@click.command("status", epilog="Exit codes: 0 it answers, 4 nothing runs.")
@running_application
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as /api/status has it.")
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
def command(folder: Path, as_json: bool, watch: bool) -> None:
    """Show the services and queues of the running application in DIR (default: here).

    If several programs run it, each is shown; with --json, each on a line of its own.
    """
    while True:
        shown = _shown(folder, as_json)
        if watch and not as_json and sys.stdout.isatty():
            click.echo(_CLEAR, nl=False)
        click.echo(shown)
        if not watch:
            return
        time.sleep(WATCH)


def _shown(folder: Path, as_json: bool) -> str:
    answers = [*good_answers_of(running_programs(folder), "/api/status")]
    if as_json:
        return "\n".join(answer.body.decode() for answer in answers)
    return "\n\n".join("\n".join(_picture(answer.json)) for answer in answers)


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
        yield from table_lines([queue_rows.HEAD, *map(_queue, status["queues"])])


_SERVICES = ("SERVICE", "STATE", "RESTARTS", "BUSY", "WHERE")


def _service(service: Mapping[str, Any]) -> tuple[str, ...]:
    workers = service["workers"]
    busy = f"{workers['busy']}/{workers['of']}" if workers else ""
    about = (
        service["error"] or service["unreachable"] or service["rejecting"] or service["where"] or ""
    )
    return service["id"], service["state"], str(service["restarts"]), busy, about


def _queue(queue: Mapping[str, Any]) -> tuple[str, ...]:
    id, *others = queue_rows.cells(queue)
    return f"{id} (paused)" if queue["paused"] else id, *others
