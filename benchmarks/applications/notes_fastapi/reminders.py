"""Reminders: a task that looks once a second for notes whose time has come."""

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime

from database import query

logger = logging.getLogger("notes")


async def remind(db: sqlite3.Connection) -> None:
    while True:
        try:
            now = datetime.now(UTC)
            due = query(
                db,
                "UPDATE notes SET reminded_at = ? WHERE remind_at <= ? AND reminded_at IS NULL"
                " RETURNING owner, title",
                [now, now],
            )
            for note in due:
                logger.info("reminder for %s: %s", note["owner"], note["title"])
        except sqlite3.Error:
            logger.exception("the reminders were not looked for")
        await asyncio.sleep(1)
