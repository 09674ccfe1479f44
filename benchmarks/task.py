"""Task: the work that every program under test does, and the row it writes.

It is that of `examples/task-queue` without its sleep: a POST names an action and a text and is
answered with 202; later a handler puts the text into capitals, and one row into a table. A peer
calls `new`, `connect` and `perform`, so that all do the same with the same table.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import uuid
from collections.abc import Callable
from typing import Any

BODY = '{"action": "uppercase", "data": {"text": "the quick brown fox jumps"}}'
"""The body that is posted."""

TABLE = """
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY,
    payload TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending',
    result TEXT,
    created_at INTEGER NOT NULL,
    processed_at INTEGER
)
"""
INSERT = "INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"

FILE = "TASKS_FILE"
"""The environment variable that names the database to a peer."""


def new(action: str, data: dict[str, Any]) -> dict[str, Any]:
    """The message that a POST publishes."""
    return {
        "id": str(uuid.uuid4()),
        "action": action,
        "data": data,
        "created_at": int(time.time()),
    }


def connect(file: str | None = None, synchronous: str = "NORMAL") -> sqlite3.Connection:
    """A connection for handlers: WAL, autocommit, usable in any thread."""
    connection = sqlite3.connect(
        file or os.environ[FILE], isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(TABLE)
    return connection


def perform(connection: sqlite3.Connection, task: dict[str, Any]) -> None:
    """Do the task and insert its row."""
    connection.execute(INSERT, row(task))


def dumps(value: Any) -> str:
    """The standard library's, which the peers' users would take."""
    return json.dumps(value, ensure_ascii=False)


def row(task: dict[str, Any], encode: Callable[[Any], str] = dumps) -> tuple[Any, ...]:
    result = {"output": task["data"].get("text", "").upper()}
    return (
        task["id"],
        encode(task),
        "completed",
        encode(result),
        task["created_at"],
        int(time.time()),
    )
