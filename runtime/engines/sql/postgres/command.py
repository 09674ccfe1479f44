"""Command: SQL without parameters and rows, sent in one message."""

from __future__ import annotations

from psycopg import errors, generators
from psycopg.pq import ExecStatus

from runtime.engines.sql.postgres.connection import Connection


async def command(raw: Connection, text: bytes) -> bytes:
    """Run SQL, which may be several statements, and return the tag of the last, such as `COMMIT`.

    Costs a third of what a cursor does. Raises psycopg.Error.
    """
    raw.pgconn.send_query(text)
    results = await raw.wait(generators.execute(raw.pgconn))
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result)
    return results[-1].command_status or b""
