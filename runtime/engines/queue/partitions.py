"""Partitions: the messages of a queue by a value in each, of which only a few may run at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256

import msgspec

from runtime.codec import decode

LONGEST = 255
"""Characters of a key; a longer value is known by its digest."""


class Partitions(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Messages with the same value at `by` are one partition: at most `per_key` run at once."""

    by: str
    """`body.tenant`, a path into the JSON, or `headers.x-tenant`."""
    per_key: int

    def key(self, body: bytes, headers: Mapping[str, str]) -> str | None:
        """The key of a message's partition. None if there is no such value, or it is null: such a
        message has no partition, and no limit.
        """
        place, *path = self._path
        if place == "headers":
            value = headers.get(path[0])
        else:
            try:
                value = decode(body)
            except (ValueError, RecursionError):
                return None
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
        return None if value is None else _text(value)

    @property
    def by_body(self) -> bool:
        """True if the body is needed for a key."""
        return self._path[0] == "body"

    @cached_property
    def _path(self) -> list[str]:
        if self.by.startswith("headers."):
            return self.by.split(".", 1)  # a header may have dots in its name
        return self.by.split(".")


def _text(value: object) -> str:
    """A value as a key: a text as it is, anything else as its JSON."""
    if isinstance(value, str):
        text = value
    else:
        text = msgspec.json.encode(value, order="deterministic").decode()
    if len(text) <= LONGEST and text.isprintable():
        return text
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
