"""queue.driver.sql: queues as rows of the application's own database."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runtime.engines.queue.sql.driver import SqlDriver
from runtime.engines.queue.sql.store import StoreSettings
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Expected, Kind, Linked, Stage
from runtime.kinds.db.sql import Database


class Config(msgspec.Struct, frozen=True, kw_only=True):
    database: Database
    durability: str
    lease: float
    heartbeat: float
    retention: float | None
    lanes: int
    listen: bool


def build(config: Config, context: BuildContext) -> SqlDriver:
    settings = StoreSettings(
        id=str(context.id),
        lease=config.lease,
        heartbeat=config.heartbeat,
        durable=config.durability == "full",
        clock=context.clock,
        lanes=config.lanes,
        listen=config.listen,
    )
    store = config.database.queue_store(settings)
    return SqlDriver(settings.id, store, retention=config.retention, clock=context.clock)


def check(entry: Linked) -> Iterable[Problem]:
    database = entry.follow("database")
    if database is None:
        return
    if why := database.kind.unsupported.get("queues"):
        message = f"'{database.id}' is of kind {database.kind.name}, which keeps no queues: {why}"
        yield Problem(("database",), message, "name another database")
        return
    # Each kind of the family accepts the fields of the others, which have no effect.
    if database.kind.name == "db.sql.sqlite":
        yield from _check_sqlite(entry, database)
    if database.kind.name == "db.sql.postgres":
        yield from _check_postgres(database)
    if entry.fields["heartbeat"] * 2 > entry.fields["lease"]:
        message = "'heartbeat' is more than half of 'lease', which one late beat would end"
        yield Problem(("heartbeat",), message, "write a third of the lease")


def _check_sqlite(entry: Linked, database: Linked) -> Iterable[Problem]:
    if database.fields.get("file") == ":memory:":
        message = f"'{database.id}' is in memory, which keeps nothing"
        yield Problem(("database",), message, "give it a file")
    chosen = str((database.fields.get("pragmas") or {}).get("synchronous") or "FULL").upper()
    if entry.fields["durability"] == "full" and chosen in ("NORMAL", "OFF"):
        message = f"'durability' is full, but '{database.id}' has 'pragmas.synchronous: {chosen}'"
        hint = "remove the pragma, or write 'durability: normal'"
        yield Problem(("durability",), message, hint)


def _check_postgres(database: Linked) -> Iterable[Problem]:
    if database.fields.get("pooler") == "transaction" and database.fields.get("direct") is None:
        message = f"'{database.id}' is reached through a pooler, which queues cannot use"
        hint = f"give '{database.id}' 'direct', the address of the server itself"
        yield Problem(("database",), message, hint)


kind = Kind(
    "queue.driver.sql",
    Config,
    build,
    stage=Stage.RESOURCE,
    check=check,
    expected=Expected(("queue.queue", "event.subscriber"), "no queue is on this driver"),
)
