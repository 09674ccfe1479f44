"""runtime run: an application until it is told to stop."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import click

from runtime import log as logs
from runtime.application import Application
from runtime.cli.options import application, linked
from runtime.kind import StartError
from runtime.override import Override
from runtime.program import run
from runtime.signals import Signals, leave_soon

COULD_NOT_START = 4


@click.command(
    "run",
    epilog="Exit codes: 0 stopped, 2 usage, 3 findings, 4 could not start, "
    "5 a service failed for good, 6 the drain ran out of time.",
)
@application
@click.option(
    "--log-format",
    type=click.Choice(["console", "json"]),
    help="console on a terminal, json otherwise.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least level to log.",
)
@click.pass_obj
def command(
    signals: Signals,
    folder: Path,
    overrides: tuple[Override, ...],
    env_file: Path | None,
    log_format: str | None,
    log_level: str,
) -> None:
    """Check the application in DIR (default: here), start its services, and keep them running.

    SIGTERM or Ctrl-C drains: what is in hand is finished. A second one ends at once.

    \b
      runtime run examples/task-queue
      runtime run -o app:gateway:addr=:9000 examples/task-queue
    """
    app = Application(linked(folder, overrides, env_file))
    log = logs.for_terminal(log_format, log_level, os.environ)
    logs.install(log)
    try:
        app.build(log)
    except StartError as error:
        logging.getLogger("runtime").error("%s", error)
        leave_soon(COULD_NOT_START)
        sys.exit(COULD_NOT_START)
    sys.exit(run(app, signals))
