"""Tables: the rows of the durable queues in a database, and their version.

A message is one row, with one of these states:

    READY     may be claimed, in the order of priority, `place`, `seq`
    DELAYED   may not be claimed before `place`
    RUNNING   claimed by `owner`, under a `token` that no other claim of this row ever had
    DEAD      a dead letter, kept until it is deleted by hand
    DONE      finished, kept only where `retention` asks for it

`place` is microseconds since 1970: when the message got ready, is due, died or was done. READY,
DELAYED and RUNNING are counted in `length` of the queue's row, so that `max_length` costs one
look-up.

An owner is one run of a driver in one process. Its lease is one row, for all that it holds.
"""

from __future__ import annotations

import sqlite3
from enum import IntEnum

from runtime.service import StartError

VERSION = 1


class State(IntEnum):
    READY = 0
    DELAYED = 1
    RUNNING = 2
    DEAD = 3
    DONE = 4


_SCHEMA = """
CREATE TABLE runtime_version (version INTEGER NOT NULL);
CREATE TABLE runtime_queue (name TEXT PRIMARY KEY, length INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE runtime_owner (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    machine TEXT NOT NULL,
    process TEXT NOT NULL,
    address TEXT NOT NULL,
    expires REAL NOT NULL
);
CREATE TABLE runtime_message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    queue TEXT NOT NULL,
    state INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    place INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    token INTEGER NOT NULL,
    owner INTEGER,
    suspect INTEGER NOT NULL,
    unique_key TEXT,
    published REAL NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX runtime_message_ready ON runtime_message (queue, priority DESC, place, seq)
    WHERE state = 0;
CREATE INDEX runtime_message_delayed ON runtime_message (place) WHERE state = 1;
CREATE INDEX runtime_message_running ON runtime_message (owner) WHERE state = 2;
CREATE INDEX runtime_message_dead ON runtime_message (queue, seq) WHERE state = 3;
CREATE INDEX runtime_message_done ON runtime_message (place) WHERE state = 4;
CREATE UNIQUE INDEX runtime_message_unique ON runtime_message (queue, unique_key)
    WHERE unique_key IS NOT NULL AND state < 3;
"""


def prepare(connection: sqlite3.Connection, label: str) -> None:
    """Create the tables, inside the caller's transaction. Raises StartError for another version."""
    exists = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'runtime_version'"
    ).fetchone()
    if exists is None:
        for statement in _SCHEMA.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute("INSERT INTO runtime_version VALUES (?)", (VERSION,))
        return
    versions = [row[0] for row in connection.execute("SELECT version FROM runtime_version")]
    if versions in ([version] for version in range(1, VERSION + 1)):
        return
    found = " and ".join(map(str, versions)) or "none"
    hint = "; run a newer manifest-runtime" if found.isdecimal() and int(found) > VERSION else ""
    raise StartError(
        f"the queues in '{label}' are of version {found}, and this program knows versions "
        f"up to {VERSION}; it was left as it is{hint}"
    )
