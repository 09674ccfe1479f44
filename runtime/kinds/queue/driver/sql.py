"""queue.driver.sql: queues as rows of the application's own database."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runtime.engines.queue.sql.driver import SqlDriver
from runtime.engines.sql.sqlite.database import Database
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Expected, Kind, Linked, Stage


class Config(msgspec.Struct, frozen=True, kw_only=True):
    database: Database
    durability: str
    lease: float
    heartbeat: float
    retention: float | None


def build(config: Config, context: BuildContext) -> SqlDriver:
    if config.durability == "full":
        config.database.make_durable()
    return SqlDriver(
        str(context.id),
        config.database,
        lease=config.lease,
        heartbeat=config.heartbeat,
        retention=config.retention,
        clock=context.clock,
    )


def check(entry: Linked) -> Iterable[Problem]:
    database = entry.follow("database")
    if database is None:
        return
    if database.fields["file"] == ":memory:":
        message = f"'{database.id}' is in memory, which keeps nothing"
        yield Problem(("database",), message, "give it a file")
    chosen = str(database.fields["pragmas"].get("synchronous") or "FULL").upper()
    if entry.fields["durability"] == "full" and chosen in ("NORMAL", "OFF"):
        message = f"'durability' is full, but '{database.id}' has 'pragmas.synchronous: {chosen}'"
        hint = "remove the pragma, or write 'durability: normal'"
        yield Problem(("durability",), message, hint)
    if entry.fields["heartbeat"] * 2 > entry.fields["lease"]:
        message = "'heartbeat' is more than half of 'lease', which one late beat would end"
        yield Problem(("heartbeat",), message, "write a third of the lease")


kind = Kind(
    "queue.driver.sql",
    Config,
    build,
    stage=Stage.RESOURCE,
    check=check,
    expected=Expected(("queue.queue",), "no queue is on this driver"),
)
