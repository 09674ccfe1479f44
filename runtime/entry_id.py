"""EntryId: the identifier of an entry, `namespace:name`."""

from __future__ import annotations

import re
from typing import NamedTuple

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
"""Either half of an id."""


class EntryId(NamedTuple):
    """`namespace:name`, unique within an application; prints in that form."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}"

    @classmethod
    def parse(cls, text: str, within: str) -> EntryId:
        """Parse an id; a bare name belongs to the namespace `within`. The form is not validated."""
        namespace, colon, name = text.partition(":")
        return cls(namespace, name) if colon else cls(within, text)
