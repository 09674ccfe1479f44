"""Lifecycle: the `lifecycle` block of an entry that runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.backoff import Backoff


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds. What it `requires` is in the graph."""

    auto_start: bool = False
    start_timeout: float = 10.0
    stop_timeout: float = 10.0
    stable_threshold: float = 5.0
    restart: Backoff = Backoff()

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Lifecycle:
        """From the block of an entry, filled with its defaults."""
        plain = {name: fields[name] for name in cls.__struct_fields__}
        return cls(**{**plain, "restart": Backoff(**fields["restart"])})
