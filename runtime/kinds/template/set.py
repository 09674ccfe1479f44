"""template.set: the templates of a folder, by Jinja, compiled at the start."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.findings.extra import missing_package
from runtime.findings.finding import Note, Problem
from runtime.kind import BuildContext, Expected, Kind, Linked, StartError

if TYPE_CHECKING:
    from runtime.engines.template.template_set import TemplateSet


class Config(msgspec.Struct, frozen=True, kw_only=True):
    directory: str
    globals: dict[str, Any]


def build(config: Config, context: BuildContext) -> TemplateSet:
    from runtime.engines.template.template_set import TemplateSet  # needs an extra

    folder = context.path(config.directory)
    if not folder.is_dir():
        raise StartError(f"{context.position('directory')}: no folder '{config.directory}'")
    return TemplateSet(str(context.id), folder, config.globals)


def check_files(entry: Linked, folder: Path) -> Iterable[Problem]:
    if missing := [*missing_package("templates", "jinja2", "jinja2")]:
        yield from missing
        return
    from runtime.engines.template.template_set import faults, names

    directory: str = entry.fields["directory"]
    path = (folder / directory).absolute()
    if not path.is_dir():
        yield Problem(("directory",), f"no folder '{directory}'", "make it, with templates in it")
        return
    if not names(path):
        yield Note(("directory",), f"no template in '{directory}' yet")
    for fault in faults(path, directory):
        yield fault.at("directory")


def reads(entry: Linked, folder: Path) -> Iterable[Path]:
    yield folder / entry.fields["directory"]


kind = Kind(
    "template.set",
    Config,
    build,
    check_files=check_files,
    reads=reads,
    expected=Expected(("*",), "no handler fills these templates in"),
)
