"""Notes of the user who has logged in: write, find, change and delete them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

from database import Database, query, query_one
from fastapi import APIRouter, Header, HTTPException, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from tokens import User

router = APIRouter(prefix="/api/notes")

NOTE = "id, title, text, remind_at, reminded_at, version, updated_at"


class NewNote(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(max_length=10_000)] = ""
    remind_at: AwareDatetime | None = None


class Note(NewNote):
    id: UUID
    version: int
    updated_at: datetime
    reminded_at: datetime | None = None


@router.get("")
async def search(
    user: User,
    db: Database,
    text: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> list[Note]:
    """List your notes that contain a text, the last changed first."""
    return query(
        db,
        f"SELECT {NOTE} FROM notes WHERE owner = ? AND lower(title || ' ' || text) LIKE lower(?)"
        " ORDER BY updated_at DESC LIMIT ?",
        [user, f"%{text}%", limit],
    )


@router.post("", status_code=201)
async def add(note: NewNote, user: User, db: Database, response: Response) -> Note:
    """Write a note."""
    check(note)
    values = [str(uuid4()), user, note.title, note.text, note.remind_at, datetime.now(UTC)]
    added = query_one(
        db,
        "INSERT INTO notes (id, owner, title, text, remind_at, updated_at)"
        f" VALUES (?, ?, ?, ?, ?, ?) RETURNING {NOTE}",
        values,
    )
    response.headers["Location"] = f"/api/notes/{added['id']}"
    return added


@router.get("/{id}")
async def get(id: UUID, user: User, db: Database, response: Response) -> Note:
    """Read a note."""
    note = query_one(db, f"SELECT {NOTE} FROM notes WHERE id = ? AND owner = ?", [str(id), user])
    if note is None:
        raise HTTPException(404, "no such note")
    response.headers["ETag"] = f'"{note["version"]}"'
    return note


@router.put("/{id}")
async def change(
    id: UUID,
    note: NewNote,
    user: User,
    db: Database,
    response: Response,
    if_match: Annotated[str | None, Header(pattern=r'^"\d{1,9}"$')] = None,
) -> Note:
    """Replace a note; with its version in `If-Match`, only if nobody else has changed it."""
    check(note)
    version = int(if_match.strip('"')) if if_match else None
    values = [note.title, note.text, note.remind_at, datetime.now(UTC), str(id), user, version]
    changed = query_one(
        db,
        "UPDATE notes SET title = ?, text = ?, remind_at = ?, reminded_at = NULL,"
        " updated_at = ?, version = version + 1"
        f" WHERE id = ? AND owner = ? AND version = coalesce(?, version) RETURNING {NOTE}",
        values,
    )
    if changed is None:
        await get(id, user, db, response)
        raise HTTPException(412, "the note was changed meanwhile")
    return changed


@router.delete("/{id}", status_code=204)
async def delete(id: UUID, user: User, db: Database) -> None:
    """Delete a note."""
    deleted = db.execute("DELETE FROM notes WHERE id = ? AND owner = ?", [str(id), user])
    if not deleted.rowcount:
        raise HTTPException(404, "no such note")


def check(note: NewNote) -> None:
    if note.remind_at and note.remind_at - datetime.now(UTC) > timedelta(days=3650):
        raise HTTPException(422, "'remind_at' is more than ten years away")
