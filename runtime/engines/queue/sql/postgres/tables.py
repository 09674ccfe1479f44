"""Tables: the rows of the durable queues in a schema, and their version.

A message is one row, with the states and the meaning of `place` that all stores have in common:
microseconds since 1970, by the server's clock. `token` grows with every change of hands, and a
settlement names the owner too: a server that crashed forgets claims that it had not yet written,
and would give the same token again.

Two rows of one `unique_key` exclude each other while neither was ever claimed (`token` 0); and, if
both were published under `unique_while: unfinished`, until one is done. A row that was given back
excludes nobody, since another one of its key may have been accepted meanwhile.

`runtime_length` has changes of the queues' lengths, which are summed up: a counter would be a row
that all publishers wait for. An owner is one connection of a program, by its process at the server.
"""

from __future__ import annotations

import psycopg

from runtime.engines.queue.sql.postgres.session import Session
from runtime.engines.sql.postgres.errors import message
from runtime.engines.sql.postgres.settings import quoted
from runtime.service import StartError

VERSION = 2
OLDEST = 1
"""The oldest version of programs that may use tables of ours."""

_ADDED_FOR_LIMITS = """
CREATE TABLE {schema}.runtime_rate (consumer text PRIMARY KEY, grants text NOT NULL)
WITH (fillfactor = 50);
CREATE TABLE {schema}.runtime_slot (
    queue text,
    partition_key text,
    seq bigint,
    place bigint NOT NULL,
    PRIMARY KEY (queue, partition_key, seq)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE TABLE {schema}.runtime_parked (
    seq bigint PRIMARY KEY,
    queue text NOT NULL,
    partition_key text NOT NULL,
    priority smallint NOT NULL,
    place bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX runtime_parked_next
    ON {schema}.runtime_parked (queue, partition_key, priority DESC, place, seq);
"""
SCHEMA = """
CREATE TABLE {schema}.runtime_message (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL,
    queue text NOT NULL,
    state smallint NOT NULL,
    priority smallint NOT NULL,
    place bigint NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    token integer NOT NULL DEFAULT 0,
    owner bigint,
    suspect integer NOT NULL DEFAULT 0,
    unique_key text,
    unfinished boolean NOT NULL DEFAULT false,
    published double precision NOT NULL,
    headers text NOT NULL DEFAULT '',
    body bytea NOT NULL,
    died_in text
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 1, autovacuum_vacuum_cost_limit = 2000,
    autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
CREATE INDEX runtime_message_ready
    ON {schema}.runtime_message (queue, priority DESC, place, seq) WHERE state = 0;
CREATE INDEX runtime_message_suspect
    ON {schema}.runtime_message (queue) WHERE state = 0 AND suspect > 0;
CREATE INDEX runtime_message_delayed ON {schema}.runtime_message (place) WHERE state = 1;
CREATE INDEX runtime_message_running ON {schema}.runtime_message (owner) WHERE state = 2;
CREATE INDEX runtime_message_dead ON {schema}.runtime_message (queue, seq) WHERE state = 3;
CREATE INDEX runtime_message_done ON {schema}.runtime_message (place) WHERE state = 4;
CREATE INDEX runtime_message_key
    ON {schema}.runtime_message (queue, unique_key, seq) WHERE unique_key IS NOT NULL AND state < 3;
CREATE UNIQUE INDEX runtime_message_waiting_key ON {schema}.runtime_message (queue, unique_key)
    WHERE unique_key IS NOT NULL AND token = 0 AND state < 2;
CREATE UNIQUE INDEX runtime_message_unfinished_key ON {schema}.runtime_message (queue, unique_key)
    WHERE unique_key IS NOT NULL AND unfinished AND state < 3;
CREATE INDEX runtime_message_letter ON {schema}.runtime_message (id) WHERE died_in IS NOT NULL;
CREATE INDEX runtime_message_letters
    ON {schema}.runtime_message (queue, died_in, seq) WHERE died_in IS NOT NULL AND state < 3;
CREATE TABLE {schema}.runtime_length (queue text NOT NULL, change bigint NOT NULL)
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX runtime_length_queue ON {schema}.runtime_length (queue) INCLUDE (change);
CREATE TABLE {schema}.runtime_owner (
    id bigint PRIMARY KEY,
    role name NOT NULL DEFAULT current_user,
    pid integer NOT NULL,
    backend_start timestamptz NOT NULL,
    beat timestamptz NOT NULL,
    every double precision NOT NULL,
    expires timestamptz NOT NULL,
    listens boolean NOT NULL,
    version integer NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE {schema}.runtime_fired (
    schedule text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (schedule, at)
);
{added_for_limits}
CREATE TABLE {schema}.runtime_version (version integer NOT NULL, oldest integer NOT NULL);
INSERT INTO {schema}.runtime_version VALUES ({version}, {oldest});
""".replace("{added_for_limits}\n", _ADDED_FOR_LIMITS.lstrip())
_TASKS = """
ALTER TABLE {schema}.runtime_message ADD COLUMN started bigint;
ALTER TABLE {schema}.runtime_message ADD COLUMN error text;
ALTER TABLE {schema}.runtime_message ADD COLUMN progress text;
ALTER TABLE {schema}.runtime_message ADD COLUMN result bytea;
ALTER TABLE {schema}.runtime_message ADD COLUMN cancelling boolean NOT NULL DEFAULT false;
ALTER TABLE {schema}.runtime_message ADD COLUMN expires bigint;
CREATE INDEX runtime_message_id ON {schema}.runtime_message (id);
CREATE INDEX runtime_message_cancelling ON {schema}.runtime_message (owner) WHERE cancelling;
CREATE INDEX runtime_message_kept ON {schema}.runtime_message (expires) WHERE expires IS NOT NULL;
CREATE TABLE {schema}.runtime_pause (queue text PRIMARY KEY, since bigint NOT NULL);
"""
_EXPIRY = """
UPDATE {schema}.runtime_message SET expires = place + 7 * 86400000000 WHERE state = 4;
"""
"""Rows that were finished before had no `expires` of their own."""
MIGRATIONS: dict[int, str] = {1: _ADDED_FOR_LIMITS + _TASKS + _EXPIRY}
"""The statements from each version to the next. They only add: programs of the version before go on
beside them, and their `INSERT` names no new column.
"""

_EXISTS = b"""
SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = 'runtime_version')
"""
"""Not to_regclass(): a session goes on believing it in a transaction that waited for the lock."""
_FORBIDDEN = "42501"
_NO_TABLE = "42P01"


def ddl(schema: str) -> str:
    """The statements that make the tables, for a role that may."""
    text = SCHEMA + _TASKS
    return text.format(schema=quoted(schema), version=VERSION, oldest=OLDEST).strip() + "\n"


async def prepare(session: Session, schema: str, label: str) -> None:
    """Create the tables, or migrate those of an older version.

    Raises StartError for a version that this program must not use, and for a role that may not
    create tables; and what psycopg raises.
    """
    found = await _version(session, schema)
    if found is None or found[0] < VERSION:
        await session.command(b"BEGIN")
        try:
            await session.command(b"SELECT pg_advisory_xact_lock(hashtext($1))", f"{schema} tables")
            found = await _version(session, schema)  # another program may have been faster
            await _change(session, schema, found)
            await session.command(b"COMMIT")
        except psycopg.Error as error:
            await session.command(b"ROLLBACK")
            if error.sqlstate != _FORBIDDEN:
                raise
            raise StartError(
                f"'{label}' lets this role make no tables for the queues ({message(error)}); "
                "have its owner run what `runtime tables --sql` prints, or grant CREATE"
            ) from None
        found = await _version(session, schema)
    assert found is not None
    version, oldest = found
    if oldest > VERSION:
        raise StartError(
            f"the queues in '{label}' are of version {version}, which programs from version "
            f"{oldest} on may use, and this one knows version {VERSION}; run a newer "
            "manifest-runtime"
        )


async def _version(session: Session, schema: str) -> tuple[int, int] | None:
    """The version of the tables and the oldest program for them; None without tables."""
    ((exists,),) = await session.query(_EXISTS, schema)
    if not exists:
        return None
    name = quoted(schema)
    rows = await session.query(f"SELECT version, oldest FROM {name}.runtime_version".encode())
    if len(rows) != 1:
        raise StartError(
            f"{name}.runtime_version has {len(rows)} rows, not one; it was left as it is"
        )
    return rows[0][0], rows[0][1]


async def _change(session: Session, schema: str, found: tuple[int, int] | None) -> None:
    if found is None:
        await _execute(session, ddl(schema))
        return
    for version in range(found[0], VERSION):
        await _execute(session, MIGRATIONS[version].format(schema=quoted(schema)))
    if found[0] < VERSION:
        update = f"UPDATE {quoted(schema)}.runtime_version SET version = $1, oldest = $2"
        await session.command(update.encode(), VERSION, OLDEST)


async def _execute(session: Session, statements: str) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            await session.command(statement.encode())
