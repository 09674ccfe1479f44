"""Webhooks are written down and answered at once; what they ask for is done by a consumer."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from msgspec import Struct

from runtime.modules import http, logger, queue, sql

Database = Annotated[sql.Database, "app:db"]
KEPT = timedelta(days=30)


class Event(Struct):
    type: str
    data: dict[str, Any]


async def receive(event: Event, id: Annotated[str, http.State("webhook_id")], db: Database) -> None:
    """Take a webhook. The bank sends it again until it hears 202, and at times after that too."""
    http.response().set_status(202)
    if event.type != "payment.received":
        return
    async with db.transaction() as tx:
        added = await tx.execute(
            "INSERT INTO webhooks VALUES (?, ?) ON CONFLICT DO NOTHING", [id, datetime.now(UTC)]
        )
        if added.rows_affected:
            await queue.publish("payments", {"webhook": id, **event.data}, transaction=tx)


async def forget(db: Database) -> None:
    """Delete the ids of webhooks that nobody sends again."""
    old = datetime.now(UTC) - KEPT
    deleted = await db.execute("DELETE FROM webhooks WHERE received_at < ?", [old])
    logger.info("forgot webhooks", count=deleted.rows_affected)
