"""Programs: those that run an application at this moment, found by their sockets."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runtime.engines.management.client import TIMEOUT, Answer, Client, NoAnswer
from runtime.engines.management.sockets import find_programs, is_alive
from runtime.exit_codes import ExitCode
from runtime.manifest.search import application_around


def running_programs(folder: Path, timeout: float) -> dict[int, Client]:
    """A client for each program that runs the application in or around that folder, by process."""
    for place in (folder, application_around(folder)):
        if place is not None:
            found = find_programs(place)
            alive = {pid: Client(path, timeout) for pid, path in found.items() if is_alive(path)}
            if alive:
                return alive
    return {}


def answers_of(folder: Path, path: str) -> list[Answer]:
    """The answers to a GET of all programs that run the application. Exits with 4 if none runs."""
    programs = running_programs(folder, TIMEOUT)
    if not programs:
        click.echo(f"nothing runs in '{folder}'", err=True)
        sys.exit(ExitCode.START_FAILED)
    answers = []
    for pid, client in programs.items():
        try:
            answers.append(client.get(path))
        except NoAnswer as error:
            raise click.ClickException(f"process {pid}: {error}") from None
    return answers
