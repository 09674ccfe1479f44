"""Operation: an endpoint as a description of its server names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from runtime.entry_id import EntryId


class Operation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The parts of an endpoint that its route does not say."""

    entry: EntryId
    function: Callable[..., Any]
    """The Python function, for its docstring, its place, and the statuses that it sets."""
    tags: tuple[str, ...] = ()
    has_timeout: bool = False
    stream_type: str | None = None
    """The media type in which what it yields is sent; None if it returns its response."""
