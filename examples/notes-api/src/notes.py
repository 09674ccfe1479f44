"""Notes of the user who has logged in: write, find, change and delete them, and be reminded."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

from msgspec import Meta, Struct

from runtime.modules import http, logger, queue, sql

Database = Annotated[sql.Database, "app:db"]
User = Annotated[str, http.State("user")]

Text = Annotated[str, Meta(pattern=r"^[^\x00]*$")]  # a NUL is no text to PostgreSQL

NOTE = "id, title, text, remind_at, reminded_at, version, updated_at"


class NewNote(Struct, kw_only=True, forbid_unknown_fields=True):
    title: Annotated[Text, Meta(min_length=1, max_length=200)]
    text: Annotated[Text, Meta(max_length=10_000)] = ""
    remind_at: Annotated[datetime, Meta(tz=True)] | None = None


class Note(NewNote, kw_only=True):
    id: UUID
    version: int
    updated_at: datetime
    reminded_at: datetime | None = None


class Reminder(Struct):
    note: UUID
    version: int


async def search(
    user: User,
    db: Database,
    text: Annotated[Text, Meta(max_length=200)] = "",
    limit: Annotated[int, Meta(ge=1, le=100)] = 50,
) -> list[Note]:
    """List your notes that contain a text, the last changed first."""
    return await db.query(
        f"SELECT {NOTE} FROM notes WHERE owner = ? AND lower(title || ' ' || text) LIKE lower(?)"
        " ORDER BY updated_at DESC LIMIT ?",
        [user, f"%{text}%", limit],
    )


async def add(note: NewNote, user: User, db: Database) -> Note:
    """Write a note."""
    statement = (
        "INSERT INTO notes (id, owner, title, text, remind_at, updated_at)"
        f" VALUES (?, ?, ?, ?, ?, ?) RETURNING {NOTE}"
    )
    values = [uuid4(), user, note.title, note.text, note.remind_at, datetime.now(UTC)]
    added = await write(note, db, statement, values)
    http.response().set_status(201).set_header("Location", f"/api/notes/{added['id']}")
    return added


async def get(id: UUID, user: User, db: Database) -> Note:
    """Read a note."""
    note = await db.query_one(f"SELECT {NOTE} FROM notes WHERE id = ? AND owner = ?", [id, user])
    if note is None:
        raise http.Error(404, "no such note")
    http.response().set_header("ETag", f'"{note["version"]}"')
    return note


async def change(
    id: UUID,
    note: NewNote,
    user: User,
    db: Database,
    if_match: Annotated[str | None, http.Header()] = None,
) -> Note:
    """Replace a note; with its version in `If-Match`, only if nobody else has changed it."""
    statement = (
        "UPDATE notes SET title = ?, text = ?, remind_at = ?, updated_at = ?,"
        " reminded_at = CASE WHEN remind_at = ? THEN reminded_at END, version = version + 1"
        " WHERE id = ? AND owner = ? AND CAST(version AS TEXT) = coalesce(?, CAST(version AS TEXT))"
        f" RETURNING {NOTE}"
    )
    due, version = note.remind_at, None if if_match in (None, "*") else if_match.strip('"')
    values = [note.title, note.text, due, datetime.now(UTC), due, id, user, version]
    changed = await write(note, db, statement, values)
    if changed is None:
        await get(id, user, db)
        raise http.Error(412, "the note was changed meanwhile")
    return changed


async def delete(id: UUID, user: User, db: Database) -> None:
    """Delete a note."""
    deleted = await db.execute("DELETE FROM notes WHERE id = ? AND owner = ?", [id, user])
    if not deleted.rows_affected:
        raise http.Error(404, "no such note")


async def write(note: NewNote, db: Database, statement: str, values: list) -> dict | None:
    """Write a note; its reminder, if it is to have one, is published in the same transaction."""
    if note.remind_at is None:
        return await db.query_one(statement, values)
    delay = note.remind_at - datetime.now(UTC)
    if abs(delay) > timedelta(days=3650):
        raise http.Error(422, "'remind_at' is more than ten years away")
    async with db.transaction() as tx:
        row = await tx.query_one(statement, values)
        if row is not None and row["reminded_at"] is None:
            reminder = Reminder(row["id"], row["version"])
            seconds = max(delay.total_seconds(), 0)
            await queue.publish("reminders", reminder, delay=seconds, transaction=tx)
    return row


async def remind(reminder: Reminder, db: Database) -> None:
    """The time of a note has come. If it was changed or deleted meanwhile, nothing happens."""
    due = await db.query_one(
        "UPDATE notes SET reminded_at = ? WHERE id = ? AND version = ? RETURNING owner, title",
        [datetime.now(UTC), reminder.note, reminder.version],
    )
    if due is not None:
        logger.info("reminder", user=due["owner"], title=due["title"])
