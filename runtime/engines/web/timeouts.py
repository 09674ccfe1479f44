"""Timeouts: how long a client may take."""

from __future__ import annotations

import msgspec


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Client time-outs in seconds, by the real clock. None of them limits a handler."""

    header: float
    """From the connection, or the first byte of a further request, to the end of the headers."""
    read: float
    """From the end of the headers to the end of the body."""
    write: float
    """In which the client must take 16 KiB of the pending response, or all that is left of it."""
    idle: float
    """Between two requests on a connection."""
