"""runtime init: create an application that runs at once."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from runtime.cli.bundle import editor_schema
from runtime.cli.options import CommandError
from runtime.registry import Registry

_TEMPLATE = Path(__file__).parent.parent / "template"


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Create an application in DIR: an endpoint, a queue and a consumer, and tests of them.
    Existing files are never changed.
    """
    files = dict(_files(folder))
    existing = [str(path) for path in files if path.exists()]
    if existing:
        raise CommandError(f"nothing was created: there is already {', '.join(existing)}")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"created {path}")
    except OSError as error:
        raise CommandError(f"'{error.filename}' cannot be written: {error.strerror}") from None
    quoted = shlex.quote(str(folder))
    print(f"\nRun it:   runtime run {quoted}\nTest it:  pytest {quoted}")


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    for source in sorted(_TEMPLATE.rglob("*")):
        if not source.is_file() or "__pycache__" in source.parts:
            continue
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".md":
            text = text.format(name=folder.resolve().name)
        name = source.relative_to(_TEMPLATE)
        # named without a dot, or it would apply to this repository too
        yield folder / (".gitignore" if name.name == "gitignore" else name), text
    schema = json.dumps(editor_schema(Registry()), indent=2, ensure_ascii=False)
    yield folder / "runtime.schema.json", schema + "\n"
