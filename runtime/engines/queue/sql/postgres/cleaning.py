"""Cleaning: vacuums the tables of queues, and finds what keeps PostgreSQL from it."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.sql.postgres.columns import qualify
from runtime.engines.queue.sql.postgres.session import Session
from runtime.engines.sql.postgres.connection import connect
from runtime.engines.sql.postgres.settings import Settings, milliseconds
from runtime.loggers import logger

log = logger("runtime.queue")

DEAD_ROWS, TIMES_LIVE = 10_000, 20
"""A table is vacuumed when so many of its rows are dead, and so many times the live ones."""
OLD = 60
"""Seconds after which a snapshot that keeps dead rows is worth a warning."""
_TIME = 600.0
"""Seconds that a vacuum may take."""

_TABLES = """
SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1
    AND c.relname IN ('runtime_message', 'runtime_length', 'runtime_slot', 'runtime_parked')
    AND pg_has_role(c.relowner, 'USAGE')
    AND pg_stat_get_dead_tuples(c.oid) > $2::bigint
    AND pg_stat_get_dead_tuples(c.oid) > $3::bigint * pg_stat_get_live_tuples(c.oid)
"""
_HOLDING = f"""
SELECT 'process ' || pid || ' of ' || coalesce(nullif(application_name, ''), 'an unnamed program'),
    CASE WHEN state LIKE 'idle in transaction%' THEN 'is idle in a transaction that began '
        ELSE 'has a snapshot of ' END
    || date_trunc('second', clock_timestamp() - xact_start) || ' ago'
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_xmin IS NOT NULL
    AND xact_start < clock_timestamp() - make_interval(secs => {OLD})
UNION ALL
SELECT 'replication slot ' || slot_name, 'keeps old rows, and nobody reads it'
FROM pg_replication_slots WHERE NOT active AND (xmin IS NOT NULL OR catalog_xmin IS NOT NULL)
UNION ALL
SELECT 'prepared transaction ' || gid, 'is neither committed nor rolled back'
FROM pg_prepared_xacts
WHERE database = current_database()
    AND prepared < clock_timestamp() - make_interval(secs => {OLD})
"""


class Cleaning:
    """Autovacuum comes once a minute at most, and a queue has a hundred thousand dead rows by then;
    claims pay for each of them.
    """

    def __init__(self, settings: Settings, schema: str, id: str) -> None:
        self._settings = settings
        self._schema = schema
        self._id = id
        self._warned: set[str] = set()

    async def run(self) -> None:
        """Do what has to be done now. Raises what psycopg raises, and Unavailable."""
        limits = {**self._settings.session(), "statement_timeout": milliseconds(_TIME)}
        connection = await connect(self._settings, limits, direct=True)
        try:
            session = Session(connection, prepare=False)
            await self._vacuum(session)
            await self._warn(session)
        except asyncio.CancelledError:
            connection.pgconn.finish()
            raise
        finally:
            await connection.close()

    async def _warn(self, session: Session) -> None:
        found: dict[str, str] = dict(await session.query(_HOLDING.encode()))
        for name in found.keys() - self._warned:
            warning = "%s: %s %s; the tables of the queues grow until it ends"
            log.warning(warning, self._id, name, found[name], extra={"entry": self._id})
        self._warned = set(found)

    async def _vacuum(self, session: Session) -> None:
        tables = await session.query(_TABLES.encode(), self._schema, DEAD_ROWS, TIMES_LIVE)
        for (table,) in tables:
            await session.command(qualify(f"VACUUM $schema.{table}", self._schema))
