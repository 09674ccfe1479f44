"""FastPath: reading and answering a request in one step each, without ASGI messages."""

from __future__ import annotations

from typing import Protocol

FAST_PATH = "runtime.fast_path"
"""Key of the fast path in the ASGI scope, if the server offers one."""


class FastPath(Protocol):
    """Direct access to the connection. Each method does nothing if it would have to wait.

    Not to be used behind a middleware that wraps `receive` or `send`: it would be bypassed.
    """

    def read_body(self) -> bytes | None:
        """Consume the body, if it has been received completely."""
        ...

    def send_response(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send a complete response; False if nothing was sent."""
        ...
