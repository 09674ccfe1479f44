"""Tables: the rows of the durable queues in a database, and their version.

A message is one row, with one of these states:

    PARKED    as READY, but passed over: its partition has all the messages running that it may
    READY     may be claimed, in the order of priority, `place`, `seq`
    DELAYED   may not be claimed before `place`
    RUNNING   claimed by `owner`, under a `token` that no other claim of this row ever had
    DEAD      a dead letter, kept until it is requeued or dropped
    DONE      finished, kept only where `retention` asks for it
    CANCELLED ended by somebody who did not want it any more, kept for an hour at least

`place` is microseconds since 1970: when the message got ready, is due, died or ended. DONE and
CANCELLED rows are deleted after `expires`. A RUNNING one that is `cancelling` is not READY again.

PARKED, READY, DELAYED and RUNNING are counted in `length` of the queue's row, so that `max_length`
costs one look-up.

`died_in` is the id of the queue where a dead letter died, also of one that waits in another queue.

For consumers with limits, `runtime_rate` has what each began of late, and `runtime_slot` the
messages that were let in of partitions that `runtime_parked` has the others of; see `slots.py`.
Nobody else reads or writes these, and rows of messages that have gone do no harm.

An owner is one run of a driver in one process. Its lease is one row, for all that it holds.
"""

from __future__ import annotations

import sqlite3

from runtime.service import StartError

VERSION = 4


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
    body BLOB NOT NULL,
    died_in TEXT
);
CREATE INDEX runtime_message_ready ON runtime_message (queue, priority DESC, place, seq)
    WHERE state = 0;
CREATE INDEX runtime_message_delayed ON runtime_message (place) WHERE state = 1;
CREATE INDEX runtime_message_running ON runtime_message (owner) WHERE state = 2;
CREATE INDEX runtime_message_dead ON runtime_message (queue, seq) WHERE state = 3;
"""
_INDEXES_OF_2 = """
CREATE INDEX runtime_message_key ON runtime_message (queue, unique_key)
    WHERE unique_key IS NOT NULL AND state < 3;
CREATE INDEX runtime_message_letter ON runtime_message (id) WHERE died_in IS NOT NULL;
CREATE INDEX runtime_message_letters ON runtime_message (queue, died_in, seq)
    WHERE died_in IS NOT NULL AND state < 3;
"""
_TABLE_OF_3 = """
CREATE TABLE runtime_fired (schedule TEXT, at INTEGER, PRIMARY KEY (schedule, at)) WITHOUT ROWID;
"""
_ADDED_FOR_LIMITS = """
CREATE TABLE runtime_rate (consumer TEXT PRIMARY KEY, grants TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runtime_slot (
    queue TEXT,
    partition_key TEXT,
    seq INTEGER,
    place INTEGER NOT NULL,
    PRIMARY KEY (queue, partition_key, seq)
) WITHOUT ROWID;
CREATE TABLE runtime_parked (
    seq INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    partition_key TEXT NOT NULL,
    priority INTEGER NOT NULL,
    place INTEGER NOT NULL
);
CREATE INDEX runtime_parked_next
    ON runtime_parked (queue, partition_key, priority DESC, place, seq);
"""
_TASKS_OF_4 = """
ALTER TABLE runtime_message ADD COLUMN started INTEGER;
ALTER TABLE runtime_message ADD COLUMN error TEXT;
ALTER TABLE runtime_message ADD COLUMN progress TEXT;
ALTER TABLE runtime_message ADD COLUMN result BLOB;
ALTER TABLE runtime_message ADD COLUMN cancelling INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runtime_message ADD COLUMN expires INTEGER;
CREATE INDEX runtime_message_id ON runtime_message (id);
CREATE INDEX runtime_message_cancelling ON runtime_message (owner) WHERE cancelling = 1;
CREATE INDEX runtime_message_kept ON runtime_message (expires) WHERE expires IS NOT NULL;
CREATE TABLE runtime_pause (queue TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
"""
_EXPIRY_OF_3 = """
UPDATE runtime_message SET expires = place + 7 * 86400000000 WHERE state = 4;
"""
"""Rows that were finished before had no `expires` of their own."""
_MIGRATIONS = {
    1: """
ALTER TABLE runtime_message ADD COLUMN died_in TEXT;
UPDATE runtime_message SET died_in = json_extract(headers, '$.x_original_queue')
    WHERE state < 4 AND headers LIKE '%"x_original_queue"%';
DROP INDEX runtime_message_unique;
"""
    + _INDEXES_OF_2,
    2: _TABLE_OF_3,
    3: _ADDED_FOR_LIMITS + _TASKS_OF_4 + _EXPIRY_OF_3 + "DROP INDEX runtime_message_done;",
}
"""The statements from each version to the next."""


def has_tables(connection: sqlite3.Connection) -> bool:
    """True if a durable queue was ever kept in this database."""
    return bool(
        connection.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'runtime_version'"
        ).fetchone()
    )


def prepare(connection: sqlite3.Connection, label: str) -> None:
    """Create the tables, or migrate those of an older version, inside the caller's transaction.

    Raises StartError for a version that is not known.
    """
    if not has_tables(connection):
        tables = _SCHEMA + _INDEXES_OF_2 + _TABLE_OF_3 + _ADDED_FOR_LIMITS + _TASKS_OF_4
        _execute(connection, tables)
        connection.execute("INSERT INTO runtime_version VALUES (?)", (VERSION,))
        return
    versions = [row[0] for row in connection.execute("SELECT version FROM runtime_version")]
    if versions in ([version] for version in range(1, VERSION + 1)):
        for version in range(versions[0], VERSION):
            _execute(connection, _MIGRATIONS[version])
            connection.execute("UPDATE runtime_version SET version = ?", (version + 1,))
        return
    found = " and ".join(map(str, versions)) or "none"
    hint = "; run a newer manifest-runtime" if found.isdecimal() and int(found) > VERSION else ""
    raise StartError(
        f"the queues in '{label}' are of version {found}, and this program knows versions "
        f"up to {VERSION}; it was left as it is{hint}"
    )


def _execute(connection: sqlite3.Connection, statements: str) -> None:
    # One at a time: `executescript` would commit the caller's transaction.
    for statement in statements.split(";"):
        if statement.strip():
            connection.execute(statement)
