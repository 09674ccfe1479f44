"""Settings: the parts of a server's document that no route says, and where it is served."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a document that no route says."""

    title: str
    version: str
    servers: Sequence[str]
    """URLs; without one, the paths are those of the server that sends the document."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The document of a server, and the paths at which it is served."""

    info: Info
    path: str
    docs: str | None
    """The path of the page; None for no page."""
