"""runtime show: show one entry, with defaults and dependencies."""

from __future__ import annotations

import copy
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import yaml

from runtime.cli.options import CommandError, allow_unset_option, application, json_option, load
from runtime.findings.suggestion import did_you_mean
from runtime.linking.link import Link
from runtime.linking.linker import LinkedManifest
from runtime.manifest.entry import value_at
from runtime.manifest.override import Override

_OVERRIDDEN = "(given by -o)"
_HIDDEN = "***"
_PASSWORD = re.compile(r"(://[^/?#@\s:]*:)(?!\$\{)[^/?#@\s]+(?=@)")
"""That of a URL, unless it is a placeholder, which is shown."""


@click.command("show")
@click.argument("id")
@application
@allow_unset_option
@json_option
def command(
    id: str,
    folder: Path,
    overrides: tuple[Override, ...],
    env_file: Path | None,
    allow_unset: bool,
    as_json: bool,
) -> None:
    """Show the entry ID of the application in DIR: its fields with the defaults filled in, what it
    needs and what needs it. A bare name is enough if it is unique.

    Secrets are shown as ${secret:…} and ${file:…}, and no value of an override is.
    """
    linkage = load(folder, overrides, env_file, allow_unset)
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
