"""runtime shell: Python with the entries of an application at hand."""

from __future__ import annotations

import pkgutil
import sys
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

import click

import runtime.modules
from runtime.cli.options import Chosen, CommandError, application
from runtime.cli.part import build_part
from runtime.cli.whereabouts import load_in_place
from runtime.entry_id import EntryId
from runtime.linking.code_check import KINDS
from runtime.linking.linker import LinkedManifest
from runtime.program.shell import run_shell
from runtime.service import Stage

_HANDLERS = ("http", "process", "sync")
"""Modules of `runtime.modules` that have something to say only where a handler was called."""


@click.command(
    "shell",
    epilog="Exit codes: 0 done, 1 a script raised an error, 2 usage, 3 findings, 4 a resource "
    "could not start.",
)
@application
def command(chosen: Chosen) -> None:
    """Python with the modules of `runtime.modules` at hand, and the databases, queues and
    resources of the application in DIR (default: here) running; `await` may stand at the top.

    No server, consumer, process or migration is started. It may run beside the application. A
    script on the standard input is run up to its first error.

    \b
      runtime shell shop
      echo 'print(await sql.get("app:db").query("SELECT 1"))' | runtime shell shop
    """
    linked = load_in_place(chosen)
    ids = _ids(linked)
    if not ids:
        raise CommandError("the application has no database, queue or resource")
    part = build_part(linked, ids)
    names = _modules()
    banner = f"{', '.join(names)}\n{', '.join(map(str, ids))}"
    sys.exit(run_shell(part, names, EntryId(ids[0].namespace, "shell"), banner))


def _ids(linked: LinkedManifest) -> list[EntryId]:
    """The resources, and what else the modules name."""
    patterns = [each for kinds in KINDS.values() for each in kinds if each != "*"]
    return [
        id
        for id, link in linked.links.items()
        if link.kind.stage is Stage.RESOURCE
        or any(fnmatchcase(link.kind.name, pattern) for pattern in patterns)
    ]


def _modules() -> dict[str, Any]:
    names = [module.name for module in pkgutil.iter_modules(runtime.modules.__path__)]
    return {
        name: import_module(f"runtime.modules.{name}") for name in names if name not in _HANDLERS
    }
