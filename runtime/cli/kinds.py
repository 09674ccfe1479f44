"""runtime kinds: list the kinds, or print the page of one."""

from __future__ import annotations

import json

import click

from runtime.cli import page
from runtime.cli.options import CommandError, json_option
from runtime.cli.table import print_table
from runtime.findings.suggestion import did_you_mean
from runtime.registry import BrokenKind, Registry
from runtime.schema.schema import FOLDER, load


@click.command("kinds")
@click.argument("name", required=False)
@click.option("--markdown", is_flag=True, help="Print the page of every kind.")
@json_option
def command(name: str | None, markdown: bool, as_json: bool) -> None:
    """List the kinds; with NAME, print the page of one: its fields, defaults and an example."""
    registry = Registry()
    try:
        _print(registry, name, markdown, as_json)
    except BrokenKind as error:
        raise CommandError(str(error)) from None


def _print(registry: Registry, name: str | None, markdown: bool, as_json: bool) -> None:
    if markdown:
        print(_all_pages(registry), end="")
    elif name is None:
        _list(registry, as_json)
    elif name not in registry.names:
        hint = did_you_mean(name, registry.names) or "see 'runtime kinds'"
        raise CommandError(f"unknown kind '{name}'; {hint}")
    elif as_json:
        print(json.dumps(registry.expanded_schema(name).document, indent=2))
    else:
        print(page.page(name, registry.expanded_schema(name)))
        print(f"The raw schema: runtime kinds {name} --json")


def _summary(registry: Registry, name: str) -> str:
    try:
        return page.summary(registry.schema(name))
    except BrokenKind as error:
        return str(error)


def _list(registry: Registry, as_json: bool) -> None:
    rows = [(name, _summary(registry, name)) for name in registry.names]
    if as_json:
        print(json.dumps([{"kind": name, "description": text} for name, text in rows], indent=2))
    else:
        print_table(rows)


def _all_pages(registry: Registry) -> str:
    pages = [page.page(name, registry.expanded_schema(name)) for name in sorted(registry.built_in)]
    head = (
        "# Kinds\n\nGenerated from `schemas/` by `runtime kinds --markdown`. Every entry has a "
        "`name`, a `kind` and may\nhave `meta`, free notes that the runtime does not read. "
        "Durations are `500ms`, `10s`, `1h30m`; sizes are\n`64KiB`, `10MiB`.\n"
    )
    shared = load(FOLDER / "entry.schema.json")
    return "\n".join([head, *pages, page.lifecycle_page(shared)])
