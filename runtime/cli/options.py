"""Options shared by commands: the application's folder, overrides, environment and `--json`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from runtime.exit_codes import ExitCode
from runtime.findings.finding import Finding, ManifestError
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.override import FORM, Override
from runtime.manifest.reader import read
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


def application(command: F) -> F:
    """Add the options that select an application and change it: DIR, `-o` and `--env-file`."""
    folder = click.argument(
        "folder",
        metavar="[DIR]",
        default=".",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
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
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Read NAME=value lines for ${env:NAME}; a real variable wins.",
    )
    return folder(override(env_file(command)))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def environment(env_file: Path | None) -> Mapping[str, str]:
    """The environment variables, with those of `env_file` for names that are not set."""
    if env_file is None:
        return os.environ
    return {**_env_file(env_file), **os.environ}


def _env_file(path: Path) -> dict[str, str]:
    variables = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"'{path}' cannot be read: {error}") from None
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ").strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.replace("_", "a").isalnum():
            raise click.BadParameter(f"{path}:{number}:1: not a line of the form NAME=value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        variables[name] = value
    return variables


def load(
    folder: Path, overrides: tuple[Override, ...] = (), env_file: Path | None = None
) -> LinkedManifest:
    """Read and link an application; prints any findings and exits with 3."""
    try:
        return link(read(folder, overrides, environment(env_file)), Registry())
    except ManifestError as error:
        exit_with_findings(error.findings)


def exit_with_findings(findings: Sequence[Finding]) -> NoReturn:
    """Print findings to stderr and exit with 3."""
    from runtime.cli.excerpt import print_findings  # not needed without findings

    print_findings(findings, sys.stderr)
    sys.exit(ExitCode.INVALID_MANIFEST)
