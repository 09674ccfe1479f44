"""Answer: the response of a server, as a test looks at it."""

from __future__ import annotations

from email.message import Message
from typing import Any

import msgspec

from runtime.codec import decode


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole response."""

    status: int
    headers: Message
    """A mapping whose names have no case; `headers.get_all("set-cookie")` has all of a name."""
    body: bytes

    @property
    def text(self) -> str:
        """The body, in the charset of its content type, UTF-8 by default."""
        return self.body.decode(self.headers.get_content_charset("utf-8"), errors="replace")

    def json(self) -> Any:
        """The body as JSON. Raises InvalidJSON, a ValueError."""
        return decode(self.body)
