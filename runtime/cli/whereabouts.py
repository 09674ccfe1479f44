"""Whereabouts: a word on the folder that runs, if another one is likely meant."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from click.core import ParameterSource

from runtime.cli.options import Chosen, CommandError, command_with, load
from runtime.findings.display import display_path
from runtime.linking.linker import LinkedManifest
from runtime.loggers import logger
from runtime.manifest.search import application_around, application_within

log = logger("runtime")


def tell_whereabouts(folder: Path, linkage: LinkedManifest, command: str) -> None:
    """Warn if `folder`, which `runtime COMMAND` runs, is a part of an application or around it."""
    if around := application_around(folder):
        text = "'%s' is part of the application at '%s', and relative paths start in the former"
        log.warning(text, folder, around)
    within = _within(linkage)
    if within is not None:
        name = display_path(within)
        log.warning(
            "'%s' runs, with the application at '%s' as a part, and relative paths start in the "
            "former; write 'runtime %s %s' for the latter alone",
            folder,
            name,
            command,
            shlex.quote(name),
        )


def load_in_place(chosen: Chosen) -> LinkedManifest:
    """Read and link an application whose files a command opens: its data are below its folder.

    Prints any findings and exits with 3. Raises CommandError if it was not named, and is below this
    folder: another database would be opened, or made, here. If it was named, says so.
    """
    linked = load(chosen)
    within, around = _within(linked), application_around(chosen.folder)
    if within is None and around is None:
        return linked
    other = display_path(within or around or chosen.folder)
    context = click.get_current_context()
    if within is not None and not _is_named(context):
        folder = next(each for each in context.command.params if each.name == "folder")
        raise CommandError(
            f"the application is at '{other}', below this folder; write "
            f"'{command_with(within, folder)}', or '{command_with(chosen.folder, folder)}' for "
            "this folder as one"
        )
    place = "around" if within is not None else "part of"
    text = f"'{chosen.folder}' is {place} the application at '{other}', and relative paths start in"
    click.echo(f"{text} the former", err=True)
    return linked


def _is_named(context: click.Context) -> bool:
    sources = (context.get_parameter_source(name) for name in ("folder", "directory"))
    return any(each not in (None, ParameterSource.DEFAULT) for each in sources)


def _within(linked: LinkedManifest) -> Path | None:
    manifest = linked.manifest
    return application_within(manifest.folder, (Path(each.path) for each in manifest.documents))
