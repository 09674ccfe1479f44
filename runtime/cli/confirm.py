"""Confirm: ask before something is done that cannot be undone."""

from __future__ import annotations

import sys

import click

from runtime.cli.options import CommandError

yes_option = click.option("--yes", is_flag=True, help="Do it without asking.")


def confirm(action: str, yes: bool) -> None:
    """Ask on a terminal whether to do it; exits with 1 if not, and with 2 where nobody can answer.

    `action` tells what will happen to what, as in "delete 3 messages of 'app:tasks'".
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(f"this would {action}; nothing was done, write --yes to do it")
    click.confirm(f"{action[:1].upper()}{action[1:]}?", abort=True, err=True)
