"""registry.entry: data of the application, which handlers read by id."""

from __future__ import annotations

from runtime.kind import BuildContext, Kind
from runtime.value import value


@value(kw_only=True)
class Config:
    pass


def build(config: Config, context: BuildContext) -> None:
    """Nothing is made: handlers see the entry's fields."""


kind = Kind("registry.entry", Config, build)
