"""runtime exec: run a command of an application."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from runtime.cli.options import Chosen, CommandError, application_option, json_option
from runtime.cli.part import build_part, start_errors
from runtime.cli.table import print_table
from runtime.cli.whereabouts import load_in_place
from runtime.findings.finding import ManifestError, printable
from runtime.findings.suggestion import did_you_mean
from runtime.handlers.arguments.command_line import Argument, CommandLine, WrongArguments
from runtime.linking.link import Link, LinkedEntry
from runtime.linking.linker import LinkedManifest
from runtime.program.command import run_command
from runtime.program.signals import Signals

_HELP = ("-h", "--help")
_WIDTH = 80


def _complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The commands whose names begin so; none if the application has findings."""
    folder = Path(context.params.get("folder") or ".")
    try:
        commands = _commands(Chosen(folder).link(allow_unset=True))
    except ManifestError:
        return []
    return [
        CompletionItem(name, help=_fields(link)["help"])
        for name, link in commands.items()
        if name.startswith(incomplete)
    ]


@click.command(
    "exec",
    context_settings={"allow_interspersed_args": False},
    epilog="Exit codes: that of the function; else 0 done, 1 it raised an error, 2 usage, 3 "
    "findings, 4 what it needs could not start, 6 it was ended by force, 128 + N by signal N.",
)
@application_option
@json_option
@click.argument("name", required=False, shell_complete=_complete)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def command(
    signals: Signals, chosen: Chosen, as_json: bool, name: str | None, arguments: tuple[str, ...]
) -> None:
    """Run the command NAME of an application: a process.python with the field `command`. Without a
    NAME, list the commands.

    Only the databases, drivers and other resources that its code names are started, and pending
    migrations of those databases applied; no server, consumer or process. It may run beside the
    application.

    \b
      runtime exec
      runtime exec -C shop import-users --help
      runtime exec -C shop import-users users.csv --limit 100
    """
    linked = load_in_place(chosen)
    commands = _commands(linked)
    if name is None:
        _list(commands, as_json)
        return
    if name not in commands:
        hint = did_you_mean(name, commands) or "see 'runtime exec'"
        raise CommandError(printable(f"no command '{name}'; {hint}"))
    link = commands[name]
    part = build_part(linked, [link.entry.id])
    with start_errors():
        line: CommandLine = part.components[link.entry.id].command_line()
    before = [*arguments][: arguments.index("--")] if "--" in arguments else arguments
    if any(word in _HELP for word in before):
        print(_help(name, _fields(link)["help"], line), end="")
        return
    try:
        values = line.parse(arguments)
    except WrongArguments as error:
        mistakes = "\n".join(f"  {printable(mistake)}" for mistake in error.mistakes)
        raise CommandError(f"'{name}':\n{mistakes}\nSee 'runtime exec {name} --help'.") from None
    sys.exit(run_command(part, link.entry.id, values, signals))


def _commands(linked: LinkedManifest) -> dict[str, Link]:
    """The entries that are commands, by name."""
    return {
        fields["name"]: link
        for link in linked.links.values()
        if link.kind.name == "process.python" and (fields := link.entry.fields.get("command"))
    }


def _fields(link: Link) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = LinkedEntry({link.entry.id: link}, link).fields["command"]
    return fields


def _list(commands: Mapping[str, Link], as_json: bool) -> None:
    rows = [(name, _fields(link)["help"], link) for name, link in sorted(commands.items())]
    if as_json:
        shown = [{"name": n, "help": h, "entry": str(link.entry.id)} for n, h, link in rows]
        print(json.dumps(shown, indent=2))
    elif rows:
        print_table([(name, help) for name, help, _ in rows])
    else:
        print("no command yet; see 'command' in 'runtime kinds process.python'")


def _help(name: str, help: str, line: CommandLine) -> str:
    formatter = click.HelpFormatter(width=_WIDTH)
    usage = ["[OPTIONS]"] if any(each.is_option for each in line.arguments) else []
    usage += [f"{a.label}{'...' if a.is_list else ''}" for a in line.arguments if not a.is_option]
    formatter.write_usage(f"runtime exec {name}", " ".join(usage))
    if paragraph := line.description or help:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write("\n".join(f"  {text}".rstrip() for text in paragraph.splitlines()))
            formatter.write("\n")
    for title, is_option in (("Arguments", False), ("Options", True)):
        rows = [_row(each) for each in line.arguments if each.is_option is is_option]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)
    return formatter.getvalue()


def _row(argument: Argument) -> tuple[str, str]:
    label = argument.label
    if argument.is_flag:
        label = f"{label} / --no-{label[2:]}"
    default = argument.default
    if isinstance(default, Enum):
        default = default.value
    shown = f"default {default}" if default not in (None, False, "", (), []) else ""
    needed = "required" if argument.is_option and argument.parameter.required else ""
    facts = "; ".join(filter(None, (argument.expected, needed, shown)))
    return (
        label,
        f"{argument.help} ({facts})" if argument.help and facts else argument.help or facts,
    )
