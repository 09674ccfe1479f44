"""runtime schema: one JSON Schema for editors."""

from __future__ import annotations

import json

import click

from runtime.cli.bundle import whole
from runtime.registry import Registry


@click.command("schema")
def command() -> None:
    """Print one JSON Schema of a whole manifest, over all installed kinds.

    \b
    For completion and checks in an editor, write it to a file and name it in the manifest's
    first line:
      runtime schema > runtime.schema.json
      # yaml-language-server: $schema=../runtime.schema.json
    """
    print(json.dumps(whole(Registry()), indent=2, ensure_ascii=False))
