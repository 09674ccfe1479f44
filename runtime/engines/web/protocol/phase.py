"""Phase: the state of a connection."""

from __future__ import annotations

from enum import Enum, auto


class Phase(Enum):
    """The event that a connection waits for."""

    NEW = auto()
    """The first byte."""
    HEAD = auto()
    """The end of a request's headers."""
    BODY = auto()
    """The end of a request's body."""
    RESPONSE = auto()
    """The application."""
    IDLE = auto()
    """A further request."""
    LINGER = auto()
    """The client's end of the connection; what it still sends is discarded."""
