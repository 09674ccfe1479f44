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
    max_attempts: int
    """The number of starts allowed, the first included; 0 for no limit."""

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Lifecycle:
        """From the block of an entry, filled with its defaults."""
        values = {**fields, "max_attempts": fields["restart"]["max_attempts"]}
        restart = {name: fields["restart"][name] for name in Backoff.__struct_fields__}
        values["restart"] = Backoff(**restart)
        return cls(**{name: values[name] for name in cls.__struct_fields__})

    def is_exhausted(self, attempt: int) -> bool:
        """True if attempt number `attempt`, from 1, is the last one allowed."""
        return 0 < self.max_attempts <= attempt
