"""Authentication: guards that know who a request comes from, and who signs what they accept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Jwt(Protocol):
    """An `auth.jwt` entry, for whoever gives its clients their tokens."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token with these claims, which expires after the `expires` of the entry.

        Raises RuntimeError if the entry has no `secret`, and TypeError for a claim that JSON cannot
        represent.
        """
        ...
