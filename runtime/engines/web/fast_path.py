"""Direct: the short way between a handler and its client, past the messages of ASGI."""

from __future__ import annotations

from typing import Protocol

FAST_PATH = "runtime.direct"
"""Where a scope has it, if the server offers it."""


class FastPath(Protocol):
    """What may be done in one step if it is whole. For who speaks to the server itself.

    Behind a middleware that wraps `receive` and `send` it would pass the middleware by.
    """

    def body(self) -> bytes | None:
        """Receive the body, if all of it is here; else nothing happens."""
        ...

    def answer(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send a whole answer, if that is possible without waiting; else nothing happens."""
        ...
