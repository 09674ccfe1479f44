"""Options shared by commands: the application's folder, overrides, environment and `--json`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
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


def _chosen(context: click.Context, parameter: click.Parameter, folder: Path) -> Path:
    """The folder, which may be a part of an application only if it was named."""
    is_named = context.get_parameter_source("folder") is not ParameterSource.DEFAULT
    around = None if is_named or context.resilient_parsing else application_around(folder)
    if around is None:
        return folder
    command = f"runtime {context.info_name}"
    raise CommandError(
        f"this folder is part of the application at '{around}'; "
        f"write '{command} {shlex.quote(os.path.relpath(around))}', "
        f"or '{command} .' for this folder alone"
    )


def application(command: F) -> F:
    """Add the options that select an application and change it: DIR, `-o` and `--env-file`."""
    folder = click.argument(
        "folder",
        metavar="[DIR]",
        default=".",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        callback=_chosen,
    )
    override = click.option(
        "-o",
        "--override",
        "overrides",
        multiple=True,
        type=_OverrideType(),
        help="Change a field of an entry; may be repeated.",
    )
    env_file = click.option(
        "--env-file",
        type=click.Path(path_type=Path),
        help="Read NAME=value lines for ${env:NAME} and ${secret:NAME}; a real variable wins.",
    )
    return folder(override(env_file(command)))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


allow_unset_option = click.option(
    "--allow-unset",
    is_flag=True,
    help="Leave placeholders of variables and files that are missing, with a note.",
)


def environment(env_file: Path | None) -> Mapping[str, str]:
    """The environment variables, with those of `env_file` for names that are not set."""
    if env_file is None:
        return os.environ
    from runtime.manifest.env_file import read_env_file  # few have one

    try:
        return {**read_env_file(env_file), **os.environ}
    except Unreadable as error:
        reason = f"{error.reason}; {error.hint}" if error.hint else error.reason
        raise CommandError(printable(f"--env-file {env_file}: {reason}")) from None
    except ManifestError as error:
        raise CommandError("\n".join(map(str, error.findings))) from None


def load(
    folder: Path,
    overrides: tuple[Override, ...] = (),
    env_file: Path | None = None,
    allow_unset: bool = False,
) -> LinkedManifest:
    """Read and link an application; prints any findings and exits with 3."""
    try:
        return link(read(folder, overrides, environment(env_file), allow_unset), Registry())
    except ManifestError as error:
        exit_with_findings(error.findings)


def exit_with_findings(findings: Sequence[Finding]) -> NoReturn:
    """Print findings to stderr and exit with 3."""
    from runtime.cli.excerpt import print_findings  # not needed without findings

    print_findings(findings, stream=sys.stderr)
    sys.exit(ExitCode.INVALID_MANIFEST)
