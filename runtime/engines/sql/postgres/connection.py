"""Connection: open one to the server with the settings of its session, and close it hard."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor, pq
from psycopg.rows import DictRow, dict_row

from runtime.engines.sql.postgres.errors import connect_error
from runtime.engines.sql.postgres.settings import Settings

Connection = AsyncConnection[DictRow]
Watch = Callable[[float], list[tuple[int, int]]]

PREPARE_AFTER = 5
"""Runs of one statement on one connection before it is prepared."""
_PREPARED = 256
_UNBOUNDED = 10_000
_CLOSES_STATEMENTS = 170000
"""The libpq that can close a prepared statement; older ones need a query for it, which costs a
round trip and fails in a pipeline."""

_PATH = ("search_path",)
_IDLE = pq.TransactionStatus.IDLE


async def connect(
    settings: Settings,
    session: Mapping[str, str] | None = None,
    *,
    direct: bool = False,
    cursor: type[Any] = AsyncRawCursor,
) -> Connection:
    """Open a connection in autocommit mode; statements have `$1`, rows are dicts.

    `session` replaces the settings of the session; `direct` goes around a pooler. Raises StartError
    for an address that somebody has to correct, and else Unavailable.
    """
    pooled = settings.pooler and not direct
    chosen = settings.direct if direct and settings.direct is not None else settings.parameters
    parameters: dict[str, Any] = dict(chosen)
    if not pooled:
        chosen_session = dict(settings.session() if session is None else session)
        path = {name: chosen_session.pop(name) for name in _PATH if name in chosen_session}
        # The last one counts: the address may change what has a default, and not the schema.
        own = (_options(chosen_session), parameters.get("options", ""), _options(path))
        parameters["options"] = " ".join(filter(None, own))
    try:
        connection = await AsyncConnection.connect(
            **parameters,
            autocommit=True,
            prepare_threshold=None if pooled else PREPARE_AFTER,
            cursor_factory=cursor,
            row_factory=dict_row,
        )
    except psycopg.Error as error:
        raise connect_error(error, settings.label) from None
    except OSError as error:
        raise connect_error(psycopg.OperationalError(str(error)), settings.label) from None
    closes = pq.version() >= _CLOSES_STATEMENTS
    connection.prepared_max = _PREPARED if closes else _UNBOUNDED
    return connection


def close_hard(connection: Connection) -> None:
    """End a connection now, whatever it waits for: that call raises OperationalError.

    The socket is shut down and not closed, since the event loop would not wake for a closed one.
    """
    with suppress(psycopg.Error, OSError), socket.socket(fileno=_copy(connection)) as copy:
        copy.shutdown(socket.SHUT_RDWR)


def is_idle(connection: Connection) -> bool:
    """True if it is open and in no transaction."""
    return not connection.closed and connection.pgconn.transaction_status == _IDLE


def watch(connection: Connection) -> Watch:
    """Begin to look for the end of a connection while nobody uses it."""
    poller = select.poll()
    poller.register(connection.pgconn.socket, select.POLLIN)
    return poller.poll


def has_ended(connection: Connection, watch: Watch) -> bool:
    """True if the server has closed an idle connection. Costs one look at the socket."""
    if not watch(0):
        return connection.closed
    try:
        connection.pgconn.consume_input()  # the reason, or a notice
        connection.pgconn.consume_input()  # the end, if it is one
    except psycopg.Error:
        return True
    return connection.closed


def version(connection: Connection) -> str:
    """The server's version, as users know it."""
    return connection.info.parameter_status("server_version") or "?"


def _copy(connection: Connection) -> int:
    return os.dup(connection.pgconn.socket)


def _options(session: Mapping[str, str]) -> str:
    """Settings for the start of a session, which cost no round trip."""
    escaped = {
        name: value.replace("\\", "\\\\").replace(" ", "\\ ") for name, value in session.items()
    }
    return " ".join(f"-c {name}={value}" for name, value in escaped.items())
