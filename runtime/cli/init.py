"""runtime init: create an application that runs at once."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from msgspec.structs import replace

from runtime.cli.blueprint import PARTS, QUEUES, Files, application, needed, part
from runtime.cli.options import CommandError, exit_with_findings
from runtime.cli.premises import Premises
from runtime.findings.finding import ManifestError
from runtime.findings.suggestion import did_you_mean

_INDEX = "_index.yaml"


class _Parts(click.ParamType[tuple[str, ...]]):
    name = "PART,…"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        parts = tuple(dict.fromkeys(filter(None, map(str.strip, value.split(",")))))
        for each in parts:
            if each not in PARTS:
                hint = did_you_mean(each, PARTS) or f"there are {', '.join(PARTS)}"
                self.fail(f"'{each}' is none of them; {hint}", param, ctx)
        return parts


@click.command("init")
@click.argument(
    "folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path)
)
@click.option(
    "--queue",
    type=click.Choice(QUEUES),
    help="Where messages are kept: in memory (the default), or in a database file, where they "
    "survive the program.",
)
@click.option("--tests/--no-tests", default=None, help="Write tests, as by default, or none.")
@click.option(
    "--with",
    "parts",
    type=_Parts(),
    help=f"Files to run it elsewhere, or for an editor: {', '.join(PARTS)}.",
)
@click.option("--yes", is_flag=True, help="Ask nothing, and take the defaults.")
def command(
    folder: Path, queue: str | None, tests: bool | None, parts: tuple[str, ...] | None, yes: bool
) -> None:
    """Create an application in DIR (default: here): an endpoint, a queue and a consumer, and tests
    of them. On a terminal, it asks for what was not given. Existing files are never changed.

    In the folder of an application, --with adds to that.

    \b
      runtime init hello
      runtime init hello --queue durable --with docker,systemd --yes
      runtime init . --with k8s
    """
    asks = not yes and sys.stdin.isatty() and sys.stderr.isatty()
    present = next(folder.rglob(_INDEX), None)
    if present is not None and (queue is not None or tests is not None):
        raise CommandError(
            f"nothing was created: there is already {present}, which --queue and --tests do not "
            "change; --with adds to it"
        )
    if asks and present is None:
        queue = queue or _ask_for_queue()
        tests = click.confirm("Write tests?", default=True, err=True) if tests is None else tests
    if asks and parts is None:
        question = f"Files for some of {', '.join(PARTS)}"
        parts = click.prompt(question, default="", show_default=False, type=_Parts(), err=True)
    if present is not None and not parts:
        raise CommandError(f"nothing was created: there is already {present}; --with adds to it")
    is_tested = tests is not False
    name = folder.resolve().name
    new = application(name, queue or QUEUES[0], is_tested) if present is None else {}
    _write(folder, {**new, **_parts(folder, new, parts or ())})
    if new:
        quoted = shlex.quote(str(folder))
        print(f"\nWork on it:  runtime dev {quoted}")
        if is_tested:
            first = "" if find_spec("pytest") else "pip install pytest && "
            print(f"Test it:     {first}pytest {quoted}")
        print(f"Run it:      runtime run {quoted}")


def _ask_for_queue() -> str:
    question = "Messages are kept in memory, or durable in a database file?"
    return str(click.prompt(question, default=QUEUES[0], type=click.Choice(QUEUES), err=True))


def _parts(folder: Path, new: Files, parts: tuple[str, ...]) -> Files:
    """The files of these parts, and of those that they need as far as they are not there."""
    if not parts:
        return {}
    premises = _premises(folder, new)
    further = {
        path: text
        for each in needed(parts)
        for path, text in part(each, premises).items()
        if not (folder / path).exists()
    }
    for each in parts:
        further |= part(each, premises)
    return further


def _premises(folder: Path, new: Files) -> Premises:
    """Those of the application in the folder, or of a new one that is not written yet."""
    try:
        if not new:
            return Premises.read(folder)
        with TemporaryDirectory() as scratch:
            _create(Path(scratch), new)
            return replace(Premises.read(Path(scratch)), folder=folder.resolve())
    except ManifestError as error:
        exit_with_findings(error.findings)


def _write(folder: Path, files: Files) -> None:
    """Write the files if none of them is there, and tell them."""
    existing = [str(folder / path) for path in files if (folder / path).exists()]
    if existing:
        raise CommandError(f"nothing was created: there is already {', '.join(existing)}")
    try:
        _create(folder, files)
    except OSError as error:
        raise CommandError(f"'{error.filename}' cannot be written: {error.strerror}") from None
    for path in files:
        print(f"created {folder / path}")


def _create(folder: Path, files: Files) -> None:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
