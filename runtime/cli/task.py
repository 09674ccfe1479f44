"""runtime task: what has become of one message, and cancelling it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from runtime.cli.group import Group
from runtime.cli.operate import operating
from runtime.cli.options import Chosen, CommandError, application_option, json_option
from runtime.cli.table import print_table
from runtime.cli.times import moment
from runtime.engines.queue.status import FINAL
from runtime.units import parse_duration

_AGAIN = 0.2
"""Seconds between two looks of `--wait`."""
_UNFINISHED = 1
"""The exit code of `--wait` if the time was too short."""


@click.group("task", cls=Group)
def command() -> None:
    """Ask what has become of a message, or cancel it."""


@command.command(
    "get", epilog="Exit codes: 0 found, 1 with --wait and not ended by then, 2 unknown."
)
@click.argument("queue")
@click.argument("id")
@application_option
@click.option("--wait", metavar="30s", help="Wait until it has ended, at most that long.")
@json_option
def get(chosen: Chosen, queue: str, id: str, wait: str | None, as_json: bool) -> None:
    """Show the status of message ID of QUEUE: its attempts, progress, error or result."""
    try:
        until = time.monotonic() + (0.0 if wait is None else parse_duration(wait))
    except ValueError as error:
        raise CommandError(f"--wait: {error}") from None
    with operating(chosen) as operator:
        status = operator.ask("task.status", queue=queue, id=id)
        while status["status"] not in FINAL and time.monotonic() < until:
            time.sleep(_AGAIN)
            status = operator.ask("task.status", queue=queue, id=id)
    _print(status, as_json)
    if wait is not None and status["status"] not in FINAL:
        sys.exit(_UNFINISHED)


@command.command("cancel")
@click.argument("queue")
@click.argument("id")
@application_option
@json_option
def cancel(chosen: Chosen, queue: str, id: str, as_json: bool) -> None:
    """Cancel message ID of QUEUE: one that waits is gone, one that runs ends at its next await."""
    with operating(chosen) as operator:
        status = operator.ask("task.cancel", queue=queue, id=id)
    _print(status, as_json)


def _print(status: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(status, indent=2))
        return
    rows = [("status", "to be cancelled" if status["cancelling"] else status["status"])]
    rows += [("attempt", f"{status['attempt']} of {status['max_attempts']}")]
    rows += [
        (name, moment(status[name]))
        for name in ("published", "started", "next", "ended")
        if status[name] is not None
    ]
    if progress := status["progress"]:
        rows.append(("progress", f"{progress['part']:.0%} {progress['text'] or ''}".strip()))
    if error := status["error"]:
        rows.append(
            ("error", f"{error['type']}: {error['text']}" if error["type"] else error["text"])
        )
    if status["result"] is not None:
        rows.append(("result", json.dumps(status["result"])))
    print_table(rows)
