"""Service file: addresses by name, which libpq reads by itself.

We read it too, since whether a server must show a certificate depends on its host.
"""

from __future__ import annotations

import os
from configparser import ConfigParser, Error
from pathlib import Path


def read(service: str) -> dict[str, str]:
    """The parameters of a service; none if libpq will not find it, and say so."""
    for path in _files():
        parser = ConfigParser(
            interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",)
        )
        try:
            parser.read_string(path.read_text())
        except (OSError, UnicodeDecodeError, Error):
            continue
        if parser.has_section(service):
            return dict(parser.items(service))
    return {}


def _files() -> list[Path]:
    own = os.environ.get("PGSERVICEFILE")
    files = [Path(own) if own else Path.home() / ".pg_service.conf"]
    if folder := os.environ.get("PGSYSCONFDIR"):
        files.append(Path(folder) / "pg_service.conf")
    return files
