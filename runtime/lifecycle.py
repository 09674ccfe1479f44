"""Lifecycle: the `lifecycle` block of an entry that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from typing import Any

from runtime.restart import RestartPolicy
from runtime.value import value


@value(kw_only=True)
class Lifecycle:
    """Times in seconds. What it `requires` is in the graph."""

    auto_start: bool = False
    start_timeout: float = 10.0
    stop_timeout: float = 10.0
    stable_threshold: float = 5.0
    restart: RestartPolicy = RestartPolicy()

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Lifecycle:
        """From the block of an entry, filled with its defaults."""
        plain = {field.name: fields[field.name] for field in fields_of(cls)}
        return cls(**{**plain, "restart": RestartPolicy(**fields["restart"])})
