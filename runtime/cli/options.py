"""Options shared by commands: the application's folder, what changes it, and `--json`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import click
import msgspec
from click.core import ParameterSource

from runtime.exit_codes import ExitCode
from runtime.findings.finding import Finding, ManifestError, printable
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.override import FORM, Override
from runtime.manifest.reader import read
from runtime.manifest.search import application_around
from runtime.manifest.text_file import Unreadable
from runtime.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])


class CommandError(click.ClickException):
    """The command cannot be carried out: prints one line to stderr and exits with 2."""

    exit_code = ExitCode.USAGE


class _OverrideType(click.ParamType[Override]):
    name = FORM

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Override:
        try:
            return value if isinstance(value, Override) else Override.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _chosen_folder(context: click.Context, parameter: click.Parameter, folder: Path) -> Path:
    """The folder, which may be a part of an application only if it was named."""
    is_named = context.get_parameter_source("folder") is not ParameterSource.DEFAULT
    around = None if is_named or context.resilient_parsing else application_around(folder)
    if around is None:
        return folder
    raise CommandError(
        f"this folder is part of the application at '{around}'; "
        f"write '{command_with(around, parameter)}', "
        f"or '{command_with(folder, parameter)}' for this folder alone"
    )


def _chosen_among(
    context: click.Context, parameter: click.Parameter, folders: tuple[Path, ...]
) -> Path:
    """The folder among at most one, where further arguments follow."""
    if len(folders) > 1:
        raise click.UsageError(f"Got unexpected extra argument ({folders[1]})", context)
    return folders[0] if folders else _chosen_folder(context, parameter, Path("."))


def command_with(folder: Path, parameter: click.Parameter) -> str:
    """The command that runs, as it is written with another folder in that parameter, and with the
    names of the arguments behind that.
    """
    words: list[str | None] = []
    context: click.Context | None = click.get_current_context()
    while context is not None and context.parent is not None:
        words.insert(0, context.info_name)
        context = context.parent
    option, following = ["-C"], []
    if isinstance(parameter, click.Argument):
        option, arguments = [], click.get_current_context().command.params
        following = [
            each.metavar
            for each in arguments
            if isinstance(each, click.Argument) and each is not parameter and each.metavar
        ]
    return " ".join(
        ["runtime", *filter(None, words), *option, shlex.quote(os.path.relpath(folder)), *following]
    )


class Chosen(msgspec.Struct, frozen=True):
    """The application that a command is about, with the changes that its options make to it."""

    folder: Path
    overlays: tuple[Path, ...] = ()
    overrides: tuple[Override, ...] = ()
    env_files: tuple[Path, ...] = ()

    def link(self, allow_unset: bool = False) -> LinkedManifest:
        """Read and check it. Raises ManifestError with every finding."""
        environment = _environment(self.env_files)
        manifest = read(self.folder, self.overrides, environment, allow_unset, self.overlays)
        return link(manifest, Registry())


def application(command: F) -> F:
    """Pass the application that is chosen by DIR, `-f`, `-o` and `--env-file` as `chosen`."""
    return _with_chosen(command, _FOLDER)


def application_before(command: F) -> F:
    """The same for a command with another argument behind DIR, which a single one then is."""
    return _with_chosen(command, _FOLDER_BEFORE)


def application_option(command: F) -> F:
    """The same with the folder in `-C DIR`, for a command with other arguments."""
    return _with_chosen(command, _FOLDER_OPTION)


def application_either(command: F) -> F:
    """The same with the folder as DIR or in `-C DIR`."""
    return _with_chosen(command, lambda command: _SAME_FOLDER(_FOLDER(command)))


def _with_chosen(command: F, folder_parameter: Callable[[F], F]) -> F:

    @wraps(command)
    def with_chosen(
        folder: Path,
        overlays: tuple[Path, ...],
        overrides: tuple[Override, ...],
        env_files: tuple[Path, ...],
        directory: Path | None = None,
        **others: Any,
    ) -> Any:
        chosen = Chosen(directory or folder, overlays, overrides, env_files)
        return command(chosen=chosen, **others)

    for option in (_ENV_FILE, _OVERRIDE, _OVERLAY, folder_parameter):
        with_chosen = cast(Any, option)(with_chosen)
    return cast(F, with_chosen)


_FOLDER = click.argument(
    "folder",
    metavar="[DIR]",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    callback=_chosen_folder,
)
_FOLDER_BEFORE = click.argument(
    "folder",
    metavar="[DIR]",
    nargs=-1,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    callback=_chosen_among,
)
_FOLDER_OPTION = click.option(
    "-C",
    "--directory",
    "folder",
    metavar="DIR",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    callback=_chosen_folder,
    help="The folder of the application, if not this one.",
)
_SAME_FOLDER = click.option(
    "-C",
    "--directory",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The same as DIR.",
)
_OVERLAY = click.option(
    "-f",
    "--file",
    "overlays",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Change the fields of entries that a YAML file maps to ids; may be repeated, later ones "
    "win.",
)
_OVERRIDE = click.option(
    "-o",
    "--override",
    "overrides",
    multiple=True,
    type=_OverrideType(),
    help="Change a field of an entry; may be repeated.",
)
_ENV_FILE = click.option(
    "--env-file",
    "env_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Read NAME=value lines for ${env:NAME} and ${secret:NAME}; may be repeated, later ones "
    "win, and a real variable wins over all.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


allow_unset_option = click.option(
    "--allow-unset",
    is_flag=True,
    help="Leave placeholders of variables and files that are missing, with a note.",
)


def _environment(env_files: Sequence[Path]) -> Mapping[str, str]:
    """The environment variables, with those of `env_files` for names that are not set."""
    if not env_files:
        return os.environ
    from runtime.manifest.env_file import read_env_file  # few have one

    variables: dict[str, str] = {}
    for path in env_files:
        try:
            variables |= read_env_file(path)
        except Unreadable as error:
            reason = f"{error.reason}; {error.hint}" if error.hint else error.reason
            raise CommandError(printable(f"--env-file {path}: {reason}")) from None
        except ManifestError as error:
            raise CommandError("\n".join(map(str, error.findings))) from None
    return {**variables, **os.environ}


def load(chosen: Chosen, allow_unset: bool = False) -> LinkedManifest:
    """Read and link an application; prints any findings and exits with 3."""
    try:
        return chosen.link(allow_unset)
    except ManifestError as error:
        exit_with_findings(error.findings)


def exit_with_findings(findings: Sequence[Finding]) -> NoReturn:
    """Print findings to stderr and exit with 3."""
    from runtime.cli.excerpt import print_findings  # not needed without findings

    print_findings(findings, stream=sys.stderr)
    sys.exit(ExitCode.INVALID_MANIFEST)
