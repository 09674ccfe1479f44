"""runtime init: a new application that runs at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from runtime.cli.bundle import whole
from runtime.cli.options import Refused
from runtime.registry import Registry

_TEMPLATE = Path(__file__).parent.parent / "template"


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Make a new application in DIR: an endpoint, a queue, and a consumer. Nothing that is there
    already is changed.
    """
    files = dict(_files(folder))
    taken = [path for path in files if path.exists()]
    if taken:
        names = ", ".join(str(path) for path in taken)
        raise Refused(f"nothing was made: there is already {names}")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"made {path}")
    except OSError as error:
        raise Refused(f"'{error.filename}' cannot be written: {error.strerror}") from None
    print(f"\nRun it:  runtime run {folder}")


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    for source in sorted(_TEMPLATE.rglob("*")):
        if not source.is_file() or "__pycache__" in source.parts:
            continue
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".md":
            text = text.format(name=folder.resolve().name)
        name = source.relative_to(_TEMPLATE)
        # A real .gitignore in the template would hide files from this project's own git.
        yield folder / (".gitignore" if name.name == "gitignore" else name), text
    schema = json.dumps(whole(Registry()), indent=2, ensure_ascii=False)
    yield folder / "runtime.schema.json", schema + "\n"
