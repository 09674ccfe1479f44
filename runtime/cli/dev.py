"""runtime dev: run an application, and reload it whenever a file of it is saved."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from typing import NoReturn

import click
from msgspec.structs import replace

from runtime.application.application import Application
from runtime.application.plan import Plan
from runtime.application.selection import Selection
from runtime.cli.choice import Choice
from runtime.cli.excerpt import print_excerpt, print_findings
from runtime.cli.managing import access, managing, tracing
from runtime.cli.options import Chosen, CommandError, application
from runtime.cli.selecting import selection_options
from runtime.cli.whereabouts import tell_whereabouts
from runtime.exit_codes import ExitCode
from runtime.findings.finding import ManifestError
from runtime.handlers.context import log_origin
from runtime.linking.linker import LinkedManifest
from runtime.log import log as logs
from runtime.log.colours import Colours
from runtime.log.hooks import install_hooks
from runtime.log.log import Log
from runtime.log.records import install
from runtime.loggers import logger
from runtime.program.descriptors import raise_limit
from runtime.program.exit import crash_guard
from runtime.program.program import run
from runtime.program.signals import Signals
from runtime.program.watch import ENVIRONMENT, Watch
from runtime.service import StartError
from runtime.telemetry import OFF
from runtime.units import format_duration

log = logger("runtime")

_AGAIN = "_RUNTIME_DEV_AGAIN"
"""The variable that tells a process that it begins anew. Private: only this command sets it."""


@click.command(
    "dev",
    epilog="Exit codes: 0 stopped, 2 usage, 3 a wrong -o; with --no-reload, those of 'run'.",
)
@application
@selection_options
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
    default="common",
    show_default=True,
    help="Print a line on stdout for each request answered, without its query.",
)
@click.option(
    "--management",
    envvar="RUNTIME_MANAGEMENT",
    metavar="ADDR|off",
    help="Where the dashboard is. By default 127.0.0.1:9464, or the next free port.",
)
@click.option("--no-reload", is_flag=True, help="Do not watch the files.")
@click.option("--open", "opens", is_flag=True, help="Open the dashboard in a browser.")
@click.pass_obj
def command(
    signals: Signals,
    chosen: Chosen,
    only: tuple[tuple[str, ...], ...],
    without: tuple[tuple[str, ...], ...],
    log_level: str,
    access_log: str,
    management: str | None,
    no_reload: bool,
    opens: bool,
) -> None:
    """Run the application in DIR (default: here) while one works on it.

    Whenever a file in DIR is saved, the application takes it over: see 'runtime reload'. A mistake
    is printed, and the old version goes on; if it could not start, it waits for the mend. The log
    shows the lines of each request and message in a colour of their own, all traces are kept, and
    variables are read from '.env' if there is one. Ctrl-C ends it.
    """
    signals.expect_reload()
    watch = None if no_reload else Watch(chosen.folder, [*chosen.overlays, *chosen.env_files])
    output = logs.for_terminal("console", log_level, os.environ)
    output.colours = Colours()
    install(output, log_origin)
    install_hooks(output)
    development = _Development(
        Choice(chosen, sum(only, ()), sum(without, ())), output, access_log, management, opens=opens
    )
    code: int
    try:
        code = development.run(signals, watch)
    except (ManifestError, StartError) as error:
        tell(error)
        code = ExitCode.START_FAILED
        if isinstance(error, ManifestError):
            code = ExitCode.INVALID_MANIFEST
        if watch is not None and not development.is_misused(error):
            _await_mend(watch, signals)
    except CommandError:
        raise
    except Exception:
        with crash_guard():  # in the log, without secrets
            raise
    sys.exit(code)


class _Development:
    def __init__(
        self, choice: Choice, output: Log, access_log: str, management: str | None, *, opens: bool
    ) -> None:
        self._choice = choice
        self._output = output
        self._access_log = access_log
        self._management = management
        self._opens = opens
        self._is_first = os.environ.pop(_AGAIN, None) is None

    def is_misused(self, error: ManifestError | StartError) -> bool:
        """True for a first start with an option that no edit mends."""
        return (
            self._is_first
            and isinstance(error, ManifestError)
            and self._choice.has_all_faults(error)
        )

    def run(self, signals: Signals, watch: Watch | None) -> int:
        """Run until the end, and return the exit code. Raises ManifestError and StartError, and at
        a first start CommandError for an option that is wrong; later, an edit may have made it so.
        """
        linkage, selection = self._current().begin() if self._is_first else self.read()
        folder = linkage.manifest.folder
        tell_whereabouts(self._choice.chosen.folder, linkage, "dev")
        raise_limit()
        managed = managing(folder, self._management, ())
        if managed is not None and self._opens:
            managed = replace(managed, on_open=_browse)
        traced = tracing(linkage, self._output, is_managed=managed is not None, sample=1.0)
        app = Application(linkage, selection, telemetry=traced.telemetry if traced else OFF)
        if traced is not None:
            traced.follow(app)
        app.scope.counts = managed is not None
        app.scope.access_log = access(self._access_log)
        app.source = self.read
        app.build(self._output)
        end = None if watch is None else partial(_end, watch, signals)
        return run(app, signals, managed, traced, Reports(), watch, end)

    def read(self) -> tuple[LinkedManifest, Selection]:
        """Read the application. Raises ManifestError and StartError."""
        return self._current().read()

    def _current(self) -> Choice:
        """The choice, with the variables of `.env` if there is one by now."""
        chosen = self._choice.chosen
        file = chosen.folder / ENVIRONMENT
        files = (file, *chosen.env_files) if file.is_file() else chosen.env_files
        return replace(self._choice, chosen=replace(chosen, env_files=files))


class Reports:
    """Tells how a reload ended: a line, or the findings. Nothing if nothing was changed."""

    def __init__(self) -> None:
        self._is_refused = False

    def reloaded(self, plan: Plan, seconds: float) -> None:
        if plan.done or self._is_refused:
            log.info("reloaded in %s: %s", format_duration(seconds), plan.summary())
        self._is_refused = False

    def refused(self, error: ManifestError | StartError) -> None:
        tell(error)
        log.error("the reload was refused, and the old version goes on")
        self._is_refused = True


def tell(error: ManifestError | StartError) -> None:
    """Print the findings with their lines, or the reason."""
    if isinstance(error, ManifestError):
        print_findings(error.findings, stream=sys.stderr)
    else:
        log.error("%s", error)
        print_excerpt(str(error), stream=sys.stderr)


def _end(watch: Watch, signals: Signals, code: int) -> None:
    """Begin anew with the next edit, unless it was stopped."""
    if code != ExitCode.OK and not signals.received:
        _await_mend(watch, signals)


def _await_mend(watch: Watch, signals: Signals) -> NoReturn:
    """Wait for the next edit, and begin anew in the same process."""
    signals.end_at_once()
    log.info("waiting for an edit; Ctrl-C ends it")
    watch.wait()
    sys.stdout.flush()
    sys.stderr.flush()
    again = {**os.environ, _AGAIN: "1"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], again)


def _browse(address: str) -> None:
    import webbrowser  # few want it

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
