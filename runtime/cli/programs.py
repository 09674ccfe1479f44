"""Programs: those that run an application at this moment, found by their sockets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from runtime.cli.options import CommandError
from runtime.engines.management.client import TIMEOUT, Answer, Client, NoAnswer
from runtime.engines.management.sockets import find_programs, is_alive, other_users
from runtime.exit_codes import ExitCode
from runtime.manifest.search import application_around

F = TypeVar("F", bound=Callable[..., Any])

_PLACE = click.Path(exists=True, file_okay=False, path_type=Path)


def running_application(command: F) -> F:
    """Pass the folder of a running application, by DIR or `-C DIR`, as `folder`."""

    @wraps(command)
    def with_folder(folder: Path, directory: Path | None, **others: Any) -> Any:
        return command(folder=directory or folder, **others)

    option = click.option("-C", "--directory", type=_PLACE, metavar="DIR", help="The same as DIR.")
    argument = click.argument("folder", metavar="[DIR]", default=".", type=_PLACE)
    return cast(F, argument(option(with_folder)))


def running_application_option(command: F) -> F:
    """The same by `-C DIR` alone, for a command with other arguments."""
    return click.option(
        "-C",
        "--directory",
        "folder",
        default=".",
        type=_PLACE,
        metavar="DIR",
        help="The folder of the application (default: here).",
    )(command)


def find_running(folder: Path, timeout: float) -> dict[int, Client]:
    """A client for each program that runs the application in or around that folder, by process."""
    for place in (folder, application_around(folder)):
        if place is not None:
            found = find_programs(place)
            alive = {pid: Client(path, timeout) for pid, path in found.items() if is_alive(path)}
            if alive:
                return alive
    return {}


def running_programs(folder: Path, timeout: float = TIMEOUT) -> dict[int, Client]:
    """The same. Exits with 4 if none runs."""
    programs = find_running(folder, timeout)
    if not programs:
        hint = "start it by 'runtime run', or name the folder of what runs by -C"
        click.echo(f"nothing runs in '{folder}'; {hint}", err=True)
        if others := other_users():
            text = f"programs of {' and of '.join(others)} are seen by their user alone"
            click.echo(f"{text}: 'sudo -u {others[0]} runtime …'", err=True)
        sys.exit(ExitCode.START_FAILED)
    return programs


def answers_of(
    programs: Mapping[int, Client], ask: Callable[[Client], Answer]
) -> Iterator[tuple[int, Answer]]:
    """What each program answers, with its process; the next is asked when its answer is wanted.

    A program that does not answer ends the command.
    """
    for pid, client in programs.items():
        try:
            answer = ask(client)
        except NoAnswer as error:
            raise click.ClickException(f"process {pid}: {error}") from None
        yield pid, answer


def good_answers_of(programs: Mapping[int, Client], path: str) -> Iterator[Answer]:
    """The answers to a GET. One that is not 200 ends the command, with the reason; a 400 as wrong
    usage.
    """
    for pid, answer in answers_of(programs, lambda client: client.get(path)):
        if answer.status == 400:
            raise CommandError(answer.problem)  # a mistake of who asks, which each would tell
        if answer.status != 200:
            raise click.ClickException(f"process {pid}: {answer.problem}")
        yield answer
