"""runtime run: run an application until it is told to stop."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from runtime import failpoint
from runtime.application.application import HANDLER_THREADS, Application, announce
from runtime.application.selection import Selection, why_nothing_runs
from runtime.cli.choice import Choice
from runtime.cli.managing import NOWHERE, access, managing, token, tracing
from runtime.cli.options import Chosen, CommandError, application
from runtime.cli.selecting import selection_options
from runtime.cli.whereabouts import tell_whereabouts
from runtime.exit_codes import ExitCode
from runtime.handlers.context import log_origin
from runtime.linking.linker import LinkedManifest
from runtime.log import log as logs
from runtime.log.hooks import install_hooks
from runtime.log.records import install
from runtime.loggers import logger
from runtime.program.descriptors import raise_limit
from runtime.program.exit import crash_guard, exit_soon
from runtime.program.program import run
from runtime.program.reloading import LogReports
from runtime.program.signals import Signals
from runtime.program.worker_env import WorkerEnvironment
from runtime.service import StartError
from runtime.telemetry import OFF

if TYPE_CHECKING:
    from runtime.engines.management.listener import Settings
    from runtime.engines.management.outlook import Outlook
    from runtime.program.channel import Channel
    from runtime.program.tracing import Tracing

MOST_WORKERS = 256
MOST_THREADS = 10_000


@click.command(
    "run",
    epilog="Exit codes: 0 stopped, 2 usage, 3 findings, 4 could not start, "
    "5 a service failed for good, 6 the drain ran out of time.",
)
@application
@selection_options
@click.option(
    "--workers",
    type=click.IntRange(1, MOST_WORKERS),
    default=1,
    metavar="N",
    help="Run the application in N processes that share its ports. Processes of the manifest "
    "(migrations, pollers) run in the first only, consumers and servers in all.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    default=HANDLER_THREADS,
    show_default=True,
    metavar="N",
    help="The number of 'def' handlers of endpoints that run at once. Consumers have threads of "
    "their own, as many as their concurrency.",
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
    help="The lowest level to log.",
)
@click.option(
    "--access-log",
    type=click.Choice(["off", "common", "json"]),
    default="off",
    show_default=True,
    help="Print a line on stdout for each request answered, without its query.",
)
@click.option(
    "--management",
    envvar="RUNTIME_MANAGEMENT",
    metavar="ADDR|off",
    help="Where it tells how it is: /livez, /readyz, /metrics, /api. By default 127.0.0.1:9464, or "
    "the next free port.",
)
@click.option(
    "--management-host",
    "management_hosts",
    multiple=True,
    metavar="NAME",
    help="A further name by which that address may be called; may be repeated.",
)
@click.pass_obj
def command(
    signals: Signals,
    chosen: Chosen,
    only: tuple[tuple[str, ...], ...],
    without: tuple[tuple[str, ...], ...],
    workers: int,
    threads: int,
    log_format: str | None,
    log_level: str,
    access_log: str,
    management: str | None,
    management_hosts: tuple[str, ...],
) -> None:
    """Check the application in DIR (default: here), start its services, and keep them running.

    SIGTERM or Ctrl-C starts a drain: work in progress is finished. A second one exits at once.

    \b
      runtime run examples/task-queue
      runtime run --workers 4 shop
      runtime run -o app:gateway:addr=:9000 examples/task-queue
    """
    signals.expect_reload()
    worker = WorkerEnvironment.take(os.environ)
    if worker is not None:
        worker.drain_without_parent(signals)
    number = 1 if worker is None else worker.number
    choice = Choice(chosen, sum(only, ()), sum(without, ()), workers, number)
    linkage, selection = choice.load()
    log = logs.for_terminal(log_format, log_level, os.environ)
    install(log, log_origin)
    install_hooks(log)
    if worker is not None:
        log.worker = worker.number
    else:
        if failpoint.IS_IGNORED:
            text = "RUNTIME_FAULT is ignored: it is for tests, which set RUNTIME_TESTING=1 too"
            logger("runtime").warning(text)
        tell_whereabouts(chosen.folder, linkage, "run")
    try:
        log.hide([token() or ""])
        raise_limit()
        if workers > 1 and worker is None:
            log.hide(linkage.manifest.secrets)
            settings = managing(linkage.manifest.folder, management, management_hosts)
            sys.exit(_several(linkage, selection, choice, signals, settings, log))
        channel = worker.channel() if worker is not None else None
        managed: Settings | Channel | None = channel if management != NOWHERE else None
        if channel is None:
            managed = managing(linkage.manifest.folder, management, management_hosts)
        traced = tracing(linkage, log, is_managed=managed is not None)
        app = _application(linkage, selection, worker, channel, threads, traced)
        if traced is not None:
            traced.follow(app)
        app.scope.counts = managed is not None
        app.scope.access_log = access(access_log)
        app.source = choice.read
        reports = LogReports(_report_to(channel) if channel is not None else None)
        app.build(log)
    except StartError as error:
        logger("runtime").error("%s", error)
        exit_soon(ExitCode.START_FAILED)
        sys.exit(ExitCode.START_FAILED)
    except CommandError:
        raise
    except Exception:
        with crash_guard():  # in the log, without secrets
            raise
    sys.exit(run(app, signals, managed, traced, reports))


def _report_to(channel: Channel) -> Callable[[bool], None]:
    """Tells the parent of workers how a reload ended."""
    return lambda done: channel.send("reloaded", "yes" if done else "no")


def _application(
    linkage: LinkedManifest,
    selection: Selection,
    worker: WorkerEnvironment | None,
    channel: Channel | None,
    threads: int,
    traced: Tracing | None,
) -> Application:
    telemetry = traced.telemetry if traced else OFF
    if worker is None or channel is None:
        return Application(linkage, selection, threads=threads, telemetry=telemetry)
    return Application(
        linkage,
        selection,
        sockets=worker.listeners(),
        on_budget=lambda seconds: channel.send("budget", str(seconds)),
        on_ready=lambda addresses: channel.send("ready", " ".join(addresses)),
        threads=threads,
        telemetry=telemetry,
    )


def _several(
    linkage: LinkedManifest,
    selection: Selection,
    choice: Choice,
    signals: Signals,
    management: Settings | None,
    log: logs.Log,
) -> int:
    from runtime.program.prefork import Prefork, open_sockets

    if why := why_nothing_runs(linkage, selection):
        raise StartError(why)
    if not selection.ingress(linkage):
        raise CommandError(
            "--workers: no consumer and no server runs here, so one process is enough"
        )
    announce(linkage, selection)
    sockets = open_sockets(linkage, selection, choice.workers)
    return Prefork(
        choice.workers,
        sockets,
        (linkage, choice.read),
        management,
        partial(_outlook, linkage),
        log,
    ).run(signals)


def _outlook(linkage: LinkedManifest) -> Outlook:
    from runtime.application.outlook import outlook_of  # for the thread that needs it

    return outlook_of(linkage)
