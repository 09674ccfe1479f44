"""SqliteBroadcast: values as rows that are read at once by the programs that are notified."""

from __future__ import annotations

import asyncio
import secrets

from runtime.clock import Clock, wait_for
from runtime.engines.queue.sql.sqlite.notifier import Notifier
from runtime.engines.sql.contract import Database, DatabaseClosed
from runtime.engines.topic.contract import Deliver
from runtime.loggers import logger
from runtime.service import Ready, Unavailable

log = logger("runtime.event")

_TABLES = """
CREATE TABLE IF NOT EXISTS runtime_topic_program (
    address TEXT PRIMARY KEY,
    topic TEXT NOT NULL,
    seen REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runtime_topic_value (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    sender TEXT NOT NULL,
    body TEXT NOT NULL,
    sent REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS runtime_topic_value_by_topic ON runtime_topic_value (topic, id);
"""
_ENTER = """
INSERT INTO runtime_topic_program (address, topic, seen) VALUES (?, ?, ?)
ON CONFLICT (address) DO UPDATE SET seen = excluded.seen
"""
_LAST = "SELECT coalesce(max(seq), 0) AS id FROM sqlite_sequence WHERE name = 'runtime_topic_value'"
_OTHERS = "SELECT address FROM runtime_topic_program WHERE topic = ? AND address <> ?"
_ADD = "INSERT INTO runtime_topic_value (topic, sender, body, sent) VALUES (?, ?, ?, ?)"
_READ = """
SELECT id, body FROM runtime_topic_value WHERE topic = ? AND id > ? AND sender <> ?
ORDER BY id LIMIT 100
"""
_LOOK = 1.0
"""Seconds until a value is found whose notification was lost."""
_KEEP = 60.0
"""Seconds that a value is kept, and between two signs of life."""


class SqliteBroadcast:
    """All programs are on one machine, since the database is."""

    def __init__(self, database: Database, topic: str, clock: Clock) -> None:
        self._database = database
        self._topic = topic
        self._clock = clock
        self._sender = secrets.token_hex(8)
        self._notifier: Notifier | None = None
        self._news = asyncio.Event()
        self._seen = 0.0

    async def run(self, ready: Ready, stop: asyncio.Event, deliver: Deliver) -> None:
        async with self._database.exclusive("runtime_topic"):
            await self._database.executescript(_TABLES)
        notifier = self._notifier = Notifier(lambda topic: self._news.set())
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._news.set())
        try:
            last = (await self._database.query(_LAST))[0]["id"]
            await self._stay(notifier)
            ready()
            while not stop.is_set():
                self._news.clear()
                last = await self._read(last, deliver)
                if self._clock.monotonic() - self._seen >= _KEEP:
                    await self._stay(notifier)
                await wait_for(self._news, _LOOK, self._clock)
        finally:
            stopping.cancel()
            self._notifier = None
            notifier.close()
        await self._leave(notifier.address)

    async def send(self, body: bytes) -> None:
        notifier = self._notifier
        if notifier is None:
            raise DatabaseClosed(f"the topic '{self._topic}' is not running")
        others = await self._database.query(_OTHERS, (self._topic, notifier.address))
        if others:
            now = self._clock.time()
            row = (self._topic, self._sender, body.decode(), now)
            await self._database.execute(_ADD, row)
            notifier.notify([each["address"] for each in others], "topic")

    async def _read(self, last: int, deliver: Deliver) -> int:
        """Deliver what others have sent since. Returns the id of the last one."""
        while True:
            rows = await self._database.query(_READ, (self._topic, last, self._sender))
            for row in rows:
                last = row["id"]
                deliver(row["body"].encode())
            if not rows:
                return last

    async def _stay(self, notifier: Notifier) -> None:
        """Enter this program in the list of those that run, and delete what is over."""
        self._seen = self._clock.monotonic()
        now = self._clock.time()
        await self._database.execute(_ENTER, (notifier.address, self._topic, now))
        await self._database.execute(
            "DELETE FROM runtime_topic_program WHERE seen < ?", (now - 3 * _KEEP,)
        )
        await self._database.execute(
            "DELETE FROM runtime_topic_value WHERE sent < ?", (now - _KEEP,)
        )

    async def _leave(self, address: str) -> None:
        try:
            await self._database.execute(
                "DELETE FROM runtime_topic_program WHERE address = ?", (address,)
            )
        except Unavailable as error:
            log.debug("the topic '%s' stays in the list of programs: %s", self._topic, error)
