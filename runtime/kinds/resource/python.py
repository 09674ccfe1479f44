"""resource.python: what a Python function makes, from the start to the stop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from runtime.engines.resource.resource import Resource
from runtime.kind import BuildContext, Factory, Kind, Linked, Stage


class Config(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    method: str
    modules: list[str] | None
    options: dict[str, Any]


def build(config: Config, context: BuildContext) -> Resource:
    handler = context.handlers.load(
        config.source, config.method, context.manifest_folder, context.position
    )
    return Resource(context.id, context.scope, handler, config.options)


def check(entry: Linked) -> Iterable[Factory]:
    yield Factory(("options",), tuple(entry.fields["options"]))


kind = Kind("resource.python", Config, build, stage=Stage.RESOURCE, check=check)
