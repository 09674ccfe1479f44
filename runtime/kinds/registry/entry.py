"""registry.entry: data of the application, which handlers read by id."""

from __future__ import annotations

import msgspec

from runtime.kind import BuildContext, Kind


class Config(msgspec.Struct, frozen=True, kw_only=True):
    pass


def build(config: Config, context: BuildContext) -> None:
    """Build no component: handlers read the entry's fields."""


kind = Kind("registry.entry", Config, build)
