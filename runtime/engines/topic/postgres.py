"""PostgresBroadcast: values by NOTIFY, those that are too long for it as rows."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import TYPE_CHECKING

import psycopg

from runtime.clock import Clock
from runtime.engines.queue.sql.postgres.listening import Listening
from runtime.engines.queue.sql.postgres.session import Session
from runtime.engines.sql.contract import DatabaseClosed
from runtime.engines.sql.postgres.connection import connect
from runtime.engines.sql.postgres.errors import message
from runtime.engines.topic.contract import Deliver
from runtime.loggers import logger
from runtime.service import Ready, Unavailable

if TYPE_CHECKING:
    from runtime.engines.sql.postgres.database import Database

log = logger("runtime.event")

_TABLE = """
CREATE TABLE IF NOT EXISTS runtime_topic_value (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body text NOT NULL,
    sent timestamptz NOT NULL DEFAULT now()
)
"""
_LONGEST = 7900
"""Bytes of a payload, which must be less than 8,000."""
_UNREAD = 10_000
"""Notifications that wait for a long value before them; then the oldest are missed."""
_LOOK = 60.0
"""Seconds between two deletions of what has been read."""


class PostgresBroadcast:
    """Holds one connection, which listens."""

    def __init__(self, database: Database, topic: str, clock: Clock) -> None:
        self._database = database
        self._topic = topic
        self._sender = secrets.token_hex(8)
        self._channel = ""

    async def run(self, ready: Ready, stop: asyncio.Event, deliver: Deliver) -> None:
        database = self._database
        async with database.exclusive("runtime_topic"):
            await database.executescript(_TABLE)
        schema = (await database.query("SELECT current_schema() AS name"))[0]["name"]
        name = hashlib.blake2b(f"{schema}.{self._topic}".encode(), digest_size=16).hexdigest()
        connection = await connect(database.settings, direct=True)
        heard: asyncio.Queue[str] = asyncio.Queue(_UNREAD)
        receiving = asyncio.create_task(self._receive(heard, deliver))
        try:
            channel = f"runtime_topic_{name}"

            def hear(pid: int, text: str) -> None:
                if heard.full():
                    heard.get_nowait()
                heard.put_nowait(text)

            listening = Listening(connection, channel, hear)
            await listening.begin(Session(connection, prepare=False))
            self._channel = channel
            ready()
            while not stop.is_set():
                await database.execute(
                    "DELETE FROM runtime_topic_value WHERE sent < now() - interval '1 minute'"
                )
                await listening.wait(_LOOK, stop)
        except psycopg.Error as error:
            raise Unavailable(
                f"the topic '{self._topic}' does not listen: {message(error)}"
            ) from None
        finally:
            self._channel = ""
            receiving.cancel()
            connection.pgconn.finish()

    async def send(self, body: bytes) -> None:
        if not self._channel:
            raise DatabaseClosed(f"the topic '{self._topic}' is not running")
        payload = f"{self._sender}={body.decode()}"
        if len(payload.encode()) <= _LONGEST:
            await self._database.query("SELECT pg_notify(?, ?)", (self._channel, payload))
            return
        await self._database.query(
            "WITH value AS (INSERT INTO runtime_topic_value (body) VALUES (?) RETURNING id) "
            "SELECT pg_notify(?, ? || id) FROM value",
            (body.decode(), self._channel, f"{self._sender}#"),
        )

    async def _receive(self, heard: asyncio.Queue[str], deliver: Deliver) -> None:
        """Deliver what is heard, in that order."""
        while True:
            text = await heard.get()
            sender, kind, rest = text[:16], text[16:17], text[17:]
            if sender == self._sender:
                continue
            if kind == "=":
                deliver(rest.encode())
                continue
            try:
                row = await self._database.query_one(
                    "SELECT body FROM runtime_topic_value WHERE id = ?", (int(rest),)
                )
            except Unavailable as error:
                log.warning("a value of the topic '%s' is missed: %s", self._topic, error)
                continue
            if row is not None:
                deliver(row["body"].encode())
