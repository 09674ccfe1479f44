"""EntryId: `namespace:name`, what an entry is called everywhere."""

from __future__ import annotations

import re
from typing import NamedTuple

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")


class EntryId(NamedTuple):
    """`namespace:name`, unique in an application."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}"

    @classmethod
    def parse(cls, text: str, within: str) -> EntryId:
        """Read an id; a bare name means an entry of the namespace `within`."""
        namespace, colon, name = text.partition(":")
        return cls(namespace, name) if colon else cls(within, text)
