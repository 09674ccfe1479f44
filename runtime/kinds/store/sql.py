"""store.sql: values by key in the application's own database."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runtime.engines.store.sql import SqlStore
from runtime.kind import BuildContext, Claim, Kind, Linked, Stage
from runtime.kinds.db.sql import Database


class Config(msgspec.Struct, frozen=True, kw_only=True):
    database: Database
    store_name: str | None
    max_value: int


def build(config: Config, context: BuildContext) -> SqlStore:
    name = config.store_name or context.id.name
    return SqlStore(str(context.id), name, config.database, config.max_value, context.clock)


def check(entry: Linked) -> Iterable[Claim]:
    if database := entry.follow("database"):
        name = entry.fields["store_name"]
        path = ("store_name",) if name else ("name",)
        yield Claim(database.id, f"the store name '{name or entry.id.name}'", path)


kind = Kind("store.sql", Config, build, stage=Stage.RESOURCE, check=check)
