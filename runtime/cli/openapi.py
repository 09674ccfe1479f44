"""runtime openapi: print the OpenAPI document of a server."""

from __future__ import annotations

import contextlib
import json
import sys

import click
import yaml
from msgspec.structs import replace

from runtime.application.application import Application
from runtime.cli.options import Chosen, CommandError, application, load
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.findings.suggestion import did_you_mean
from runtime.linking.linker import LinkedManifest
from runtime.manifest.override import Override
from runtime.service import StartError

_KIND = "http.service"


@click.command("openapi")
@application
@click.argument("service", metavar="[SERVICE]", required=False)
@click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML in place of JSON.")
def command(chosen: Chosen, service: str | None, as_yaml: bool) -> None:
    """Print the OpenAPI 3.1 document of the server SERVICE of the application in DIR, which may be
    left out if there is one server.

    Handlers are imported, and nothing is started: no port, no database. The server need not have
    'openapi' itself. Exits with 4 if a handler cannot be imported.

    \b
      runtime openapi examples/task-queue > openapi.json
    """
    linked = load(chosen)
    id = _choose(service, linked)
    if not linked.links[id].entry.fields.get("openapi"):
        described = Override.parse(f"{id}:openapi=true")
        linked = load(replace(chosen, overrides=(*chosen.overrides, described)))
    try:
        with contextlib.redirect_stdout(sys.stderr):  # handlers may print when they are imported
            app = Application(linked)
            app.build()
            document = app.scope.components[id].document()
    except StartError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(ExitCode.START_FAILED)
    if as_yaml:
        print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), end="")
    else:
        print(json.dumps(document, indent=2))


def _choose(text: str | None, linked: LinkedManifest) -> EntryId:
    """The server that is named, or the only one."""
    servers = [id for id, link in linked.links.items() if link.entry.kind == _KIND]
    listed = ", ".join(map(str, servers)) or "none"
    if text is None:
        if not servers:
            raise CommandError(f"there is no server here: no entry is of kind {_KIND}")
        if len(servers) > 1:
            raise CommandError(f"there are several servers, name one of them: {listed}")
        return servers[0]
    found = [id for id in servers if text in (str(id), id.name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"'{text}' is the name of several servers: {listed}")
    hint = did_you_mean(text, [*map(str, servers), *(id.name for id in servers)])
    raise CommandError(f"no server '{text}'; {hint or f'there are: {listed}'}")
