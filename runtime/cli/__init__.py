"""The command line: one module per command, imported when the command is run."""

from __future__ import annotations

import importlib
import io
import sys

import click

from runtime import __version__
from runtime.cli.group import Group

_COMMANDS = {
    "init": "Create a new application that runs at once.",
    "dev": "Run an application while one works on it, and reload it on save.",
    "validate": "Check an application without running it.",
    "run": "Run an application until it is told to stop.",
    "reload": "Have a running application take over what was edited.",
    "plan": "Say what a reload would do.",
    "status": "Show what a running application does.",
    "errors": "Show what went wrong in a running application.",
    "trace": "Draw what one request or message did.",
    "health": "Ask a running application if it is alive, or ready.",
    "migrate": "Apply the migrations of an application without starting it.",
    "exec": "Run a command of an application.",
    "shell": "Python with the databases and queues of an application at hand.",
    "doctor": "Say what this machine lacks for an application.",
    "queue": "Look into queues, publish, hold them back.",
    "dead": "Look at dead letters, deliver them again, drop them.",
    "task": "Ask what has become of a message, or cancel it.",
    "cron": "See when schedules fire, or fire one now.",
    "backup": "Copy the database of an application, also of one that runs.",
    "restore": "Put a backup in the place of the database.",
    "graph": "Draw which entry needs which.",
    "list": "List the entries.",
    "show": "Show one entry, with its defaults.",
    "openapi": "Print the OpenAPI document of a server.",
    "kinds": "List the kinds, or explain one.",
    "lsp": "Serve an editor: findings while typing, completion, definitions.",
    "schema": "Print one JSON Schema for editors.",
    "tables": "Print the tables of queues in PostgreSQL.",
    "completion": "Print the shell completion.",
    "version": "Print the version.",
}


class _Commands(Group):
    """Imports a command's module only when that command is named, to keep the start short."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"runtime.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*_COMMANDS.items()])

    def overview(self, names: list[str]) -> str:
        return "see 'runtime --help'"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="runtime %(version)s")
def command() -> None:
    """Run applications that are declared in YAML: an HTTP API, queues, workers, a database and
    supervised processes, from one manifest and plain Python functions.

    \b
    A first one:
      runtime init hello
      runtime dev hello
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # escape what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
