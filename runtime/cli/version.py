"""runtime version: print the version."""

from __future__ import annotations

import platform

import click

from runtime import __version__


@click.command("version")
def command() -> None:
    """Print the version of the runtime and of Python."""
    print(f"runtime {__version__}, Python {platform.python_version()}")
