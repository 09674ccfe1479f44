"""runtime lsp: serve an editor by the Language Server Protocol."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import click

from runtime.cli.options import CommandError
from runtime.findings.extra import how_to_install


@click.command("lsp")
@click.option("--stdio", is_flag=True, help="Has no effect: some editors pass it.")
def command(stdio: bool) -> None:
    """Serve an editor over stdin and stdout by the Language Server Protocol.

    The findings of 'runtime validate' while you type, completion of kinds, fields, ids and
    handlers, definitions, references and the pages of kinds on hover. docs/editors.md has the
    settings of editors.
    """
    if find_spec("pygls") is None:
        message = "an editor's server needs pygls, which is not installed"
        raise CommandError(f"{message}; {how_to_install('lsp')}")
    from runtime.cli.editor.server import serve  # needs the extra

    # a kind from another package may print as it is imported: that must not reach the editor
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    serve(sys.stdin.buffer, output)
