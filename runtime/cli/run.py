"""runtime run: an application until it is told to stop."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from runtime.application.application import Application
from runtime.application.selection import Selection, WrongChoice, select
from runtime.cli.options import Refused, application, linked, refuse
from runtime.findings.finding import ManifestError
from runtime.linking.linker import LinkedManifest
from runtime.log import log as logs
from runtime.manifest.override import Override
from runtime.program.program import run
from runtime.program.signals import Signals, exit_soon
from runtime.program.worker_env import WorkerEnvironment
from runtime.service import StartError

COULD_NOT_START = 4
MOST_WORKERS = 256


class _Ids(click.ParamType[tuple[str, ...]]):
    name = "ID,…"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        ids = tuple(filter(None, map(str.strip, value.split(","))))
        if not ids:
            self.fail("it names no service", param, ctx)
        return ids


@click.command(
    "run",
    epilog="Exit codes: 0 stopped, 2 usage, 3 findings, 4 could not start, "
    "5 a service failed for good, 6 the drain ran out of time.",
)
@application
@click.option(
    "--only",
    multiple=True,
    type=_Ids(),
    help="Start only these processes, consumers and servers, with what they need and all "
    "resources (databases, drivers, hosts).",
)
@click.option(
    "--except",
    "without",
    multiple=True,
    type=_Ids(),
    help="Start all but these processes, consumers and servers.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, MOST_WORKERS),
    default=1,
    metavar="N",
    help="Run the application in N processes that share its ports. Processes of the manifest "
    "(migrations, pollers) run in the first only, consumers and servers in all.",
)
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
    only: tuple[tuple[str, ...], ...],
    without: tuple[tuple[str, ...], ...],
    workers: int,
    log_format: str | None,
    log_level: str,
) -> None:
    """Check the application in DIR (default: here), start its services, and keep them running.

    SIGTERM or Ctrl-C drains: what is in hand is finished. A second one ends at once.

    \b
      runtime run examples/task-queue
      runtime run --workers 4 shop
      runtime run -o app:gateway:addr=:9000 examples/task-queue
    """
    membership = WorkerEnvironment.take(os.environ)
    if membership is not None:
        membership.drain_without_parent(signals)
    linkage = linked(folder, overrides, env_file)
    selection = _selection(linkage, sum(only, ()), sum(without, ()), workers)
    log = logs.for_terminal(log_format, log_level, os.environ)
    logs.install(log)
    if membership is not None:
        log.worker = membership.number
        if membership.number > 1:
            selection = selection.further(linkage)
    try:
        if workers > 1 and membership is None:
            log.hide(linkage.manifest.secrets)
            sys.exit(_several(linkage, selection, workers, signals))
        app = Application(linkage, selection, membership)
        app.build(log)
    except StartError as error:
        logging.getLogger("runtime").error("%s", error)
        exit_soon(COULD_NOT_START)
        sys.exit(COULD_NOT_START)
    sys.exit(run(app, signals))


def _selection(
    linkage: LinkedManifest, only: tuple[str, ...], without: tuple[str, ...], workers: int
) -> Selection:
    """Which services are to run; exits with 2 or 3 if they cannot, apart from each other."""
    try:
        selection = select(linkage, only, without)
    except WrongChoice as error:
        raise Refused(str(error)) from None
    if selection.left_out or workers > 1:
        from runtime.program.sharing import copied, torn  # an ordinary start does not need it

        findings = [*torn(linkage, selection)]
        findings += copied(linkage, selection) if workers > 1 else ()
        if findings:
            refuse(ManifestError(findings).findings)
    return selection


def _several(linkage: LinkedManifest, selection: Selection, count: int, signals: Signals) -> int:
    from runtime.program.prefork import Prefork, bound

    if not selection.spread(linkage):
        raise Refused("--workers: no consumer and no server runs here, so one process is enough")
    return Prefork(count, bound(linkage, selection, count)).run(signals)
