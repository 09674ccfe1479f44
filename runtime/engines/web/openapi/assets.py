"""Assets: the style sheet, the script and the icon of the page, named by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

_FOLDER = Path(__file__).parent / "assets"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Asset(msgspec.Struct, frozen=True):
    """One file, under a name that changes with its content, so that caches may keep it."""

    name: str
    media_type: str
    data: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """The assets by file name: `page.css`, `page.js`, `icon.svg`."""
    found = {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix in _TYPES:
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()[:12]
            found[path.name] = Asset(
                f"{path.stem}-{digest}{path.suffix}", _TYPES[path.suffix], data
            )
    return found
