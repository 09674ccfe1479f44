"""event.topic: values for all that listen now, in all programs on a database."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runtime.engines.topic.topic import Topic
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Claim, Kind, Linked, Stage
from runtime.kinds.db.sql import Database


class Config(msgspec.Struct, frozen=True, kw_only=True):
    database: Database | None
    topic_name: str | None
    max_value: int
    backlog: int


def build(config: Config, context: BuildContext) -> Topic:
    broadcast = None
    if config.database is not None:
        name = config.topic_name or context.id.name
        broadcast = config.database.broadcast(name, context.clock)
    return Topic(
        str(context.id), max_value=config.max_value, backlog=config.backlog, broadcast=broadcast
    )


def check(entry: Linked) -> Iterable[Claim]:
    if database := entry.follow("database"):
        name = entry.fields["topic_name"]
        path = ("topic_name",) if name else ("name",)
        yield Claim(database.id, f"the topic name '{name or entry.id.name}'", path)


def within_one_process(entry: Linked) -> Problem | None:
    if entry.follow("database") is not None:
        return None
    message = f"'{entry.id}' has no database, so that it works within one process"
    return Problem(("kind",), message, "add 'database:', which carries it to the others")


kind = Kind(
    "event.topic",
    Config,
    build,
    stage=Stage.RESOURCE,
    check=check,
    multiprocess=within_one_process,
)
