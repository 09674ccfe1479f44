from datetime import UTC, datetime
from typing import Annotated

import msgspec

from runtime.modules import events, http, sql

LATEST = "SELECT id, title, at FROM stories WHERE id > ? ORDER BY id DESC LIMIT 50"


class NewStory(msgspec.Struct, forbid_unknown_fields=True):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


async def publish(story: NewStory):
    db = sql.get("db")
    insert = "INSERT INTO stories (title, at) VALUES (?, ?) RETURNING id"
    (row,) = await db.query(insert, (story.title, datetime.now(UTC)))
    await events.send("published", row["id"])
    http.response().set_status(201)
    return row


async def follow(last_event_id: Annotated[int, http.Header] = 0):
    """The stories after the last one that the reader has, and then each as it is published."""
    published = events.listen("published")  # first: nothing may fall between it and the table
    last = last_event_id
    while True:
        for story in reversed(await sql.get("db").query(LATEST, (last,))):
            last = story["id"]
            yield http.Event(story, event="story", id=str(last))
        # A topic may be missed, so it only says that there is something; the table has it.
        if await anext(published, None) is None:
            return
