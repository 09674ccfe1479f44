"""Lifecycle: the `lifecycle` block of an entry that runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.backoff import Backoff


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """The times, in seconds, and the restart policy. What it `requires` is in the graph."""

    auto_start: bool
    start_timeout: float
    stop_timeout: float
    stable_threshold: float
    restart: Backoff

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Lifecycle:
        """From the block of an entry, filled with its defaults."""
        plain = {name: fields[name] for name in cls.__struct_fields__}
        return cls(**{**plain, "restart": Backoff(**fields["restart"])})
