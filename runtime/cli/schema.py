"""runtime schema: print the JSON Schema of a manifest, for editors."""

from __future__ import annotations

import json

import click

from runtime.cli.bundle import editor_schema
from runtime.registry import Registry


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of a whole manifest, with all installed kinds.

    \b
    For completion and validation in an editor, write it to a file, and name that in the first
    line of the manifest:
      runtime schema > runtime.schema.json
      # yaml-language-server: $schema=../runtime.schema.json
    """
    print(json.dumps(editor_schema(Registry()), indent=2, ensure_ascii=False))
