"""runtime show: show one entry, with defaults and dependencies."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click
import yaml

from runtime.cli.effective import effective_fields, print_effective
from runtime.cli.options import (
    Chosen,
    CommandError,
    allow_unset_option,
    application,
    json_option,
    load,
)
from runtime.findings.suggestion import did_you_mean
from runtime.linking.link import Link
from runtime.linking.linker import LinkedManifest
from runtime.manifest.entry import value_at

_OVERRIDDEN = "(given by -o)"
_HIDDEN = "***"
_PASSWORD = re.compile(r"(://[^/?#@\s:]*:)(?!\$\{)[^/?#@\s]+(?=@)")
"""That of a URL, unless it is a placeholder, which is shown."""


class _Command(click.Command):
    """Takes the only argument of `show --effective` for the folder if there is such a folder."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given, _, _ = self.make_parser(ctx).parse_args([*args])
        first, second = given.get("id"), given.get("folder")
        alone = first if isinstance(first, str) and not isinstance(second, str) else ""
        if given.get("effective") and os.path.isdir(alone):
            args = [*args]
            args.insert(args.index(alone), "")
        return super().parse_args(ctx, args)


@click.command("show", cls=_Command)
@click.argument("id", required=False)
@click.option(
    "--effective",
    is_flag=True,
    help="Show every field as it will run, and where its value came from; of all entries without "
    "ID.",
)
@application
@allow_unset_option
@json_option
def command(
    id: str | None,
    effective: bool,
    chosen: Chosen,
    allow_unset: bool,
    as_json: bool,
) -> None:
    """Show the entry ID of the application in DIR: its fields with the defaults filled in, what it
    needs and what needs it. A bare name is enough if it is unique.

    With --effective, show the fields as they will run, each with the place of its value; those of
    all entries without ID. Secrets are shown as ${secret:…} and ${file:…}, and no value of an
    override is.
    """
    if not id and not effective:
        raise click.UsageError("name an entry, or write --effective for all")
    linkage = load(chosen, allow_unset)
    if effective:
        _show_effective([_find(id, linkage)] if id else [*linkage.links.values()], as_json)
        return
    assert id
    link = _find(id, linkage)
    entry = link.entry
    needs = sorted({str(target) for target in link.references.values()})
    links = linkage.links.items()
    needed_by = sorted({str(id) for id, other in links if entry.id in other.references.values()})
    uses = sorted(map(str, link.uses))
    used_by = sorted({str(id) for id, other in links if entry.id in other.uses})
    if as_json:
        data = {
            "id": str(entry.id),
            "declared": str(entry.position),
            "fields": _fields(link),
            "needs": needs,
            "needed_by": needed_by,
            "uses": uses,
            "used_by": used_by,
        }
        print(json.dumps(data, indent=2))
        return
    print(f"# {entry.id}, declared at {entry.position}")
    print(yaml.safe_dump(_fields(link), sort_keys=False, allow_unicode=True), end="")
    print(f"# needs: {', '.join(needs) or 'nothing'}")
    print(f"# needed by: {', '.join(needed_by) or 'nothing'}")
    if uses:
        print(f"# uses in its code: {', '.join(uses)}")
    if used_by:
        print(f"# used in the code of: {', '.join(used_by)}")


def _show_effective(links: Sequence[Link], as_json: bool) -> None:
    entries = {str(link.entry.id): [*effective_fields(link, _fields(link))] for link in links}
    if not as_json:
        print_effective(entries)
        return
    data = [
        {
            "id": str(link.entry.id),
            "declared": str(link.entry.position),
            "fields": _fields(link),
            "origins": {
                field.name: field.origin for field in entries[str(link.entry.id)] if field.origin
            },
        }
        for link in links
    ]
    print(json.dumps(data, indent=2))


def _find(text: str, linkage: LinkedManifest) -> Link:
    ids = [id for id in linkage.links if text in (str(id), id.name)]
    if len(ids) == 1:
        return linkage.links[ids[0]]
    if ids:
        names = ", ".join(map(str, ids))
        raise CommandError(f"'{text}' is the name of several entries: {names}")
    if any(text in (str(id), id.name) for id in linkage.manifest.entries):
        raise CommandError(f"'{text}' cannot be shown: its kind is not set")
    hint = did_you_mean(text, [*map(str, linkage.links), *(id.name for id in linkage.links)])
    raise CommandError(f"no entry '{text}'" + (f"; {hint}" if hint else ""))


def _fields(link: Link) -> dict[str, Any]:
    """The fields with their defaults, unconverted, and without secrets and values of `-o`."""
    fields: dict[str, Any] = copy.deepcopy(link.schema.field.explain(link.entry.fields))
    disclosure = link.entry.disclosure
    for path, text in disclosure.hidden.items():
        value_at(fields, path[:-1])[path[-1]] = text
    for path in disclosure.overrides:
        with suppress(LookupError):  # nothing there: a null has no field
            if path != ("kind",) and value_at(fields, path) is not None:
                value_at(fields, path[:-1])[path[-1]] = _OVERRIDDEN
    return {id: _masked(value, id) for id, value in fields.items() if value is not None}


def _masked(value: Any, name: str = "") -> Any:
    """A value without the passwords that are written in it."""
    if isinstance(value, dict):
        return {name: _masked(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    if not isinstance(value, str):
        return value
    if name == "password" and "${" not in value:
        return _HIDDEN
    return _PASSWORD.sub(rf"\1{_HIDDEN}", value)
