"""registry.entry: data of the application, which handlers read by id."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.kind import BuildContext, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    pass


def build(config: Config, context: BuildContext) -> None:
    """Nothing is made: handlers see the entry's fields."""


kind = Kind("registry.entry", Config, build)
