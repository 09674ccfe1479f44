"""Assets: the style sheet, the script and the icon of the dashboard, named by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from msgspec import Struct

_FOLDER = Path(__file__).parent / "assets"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Asset(Struct, frozen=True):
    """One file, under an address that changes with its content, so that browsers may keep it."""

    address: str
    media_type: str
    data: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """The assets by file name: `dashboard.css`, `dashboard.js`, `icon.svg`."""
    found = {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix in _TYPES:
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()[:12]
            address = f"/assets/{path.stem}-{digest}{path.suffix}"
            found[path.name] = Asset(address, _TYPES[path.suffix], data)
    return found
