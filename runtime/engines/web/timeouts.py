"""Timeouts: the seconds a client may take."""

from __future__ import annotations

import msgspec


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds a client may take. None of them limits the handler.

    `header`: from the connection, or the first byte, to the end of the headers. `read`: from
    there to the end of the body. `write`: in which a client must take at least 16 KiB of what is
    ready for it. `idle`: between two requests.
    """

    header: float = 10.0
    read: float = 30.0
    write: float = 30.0
    idle: float = 60.0
