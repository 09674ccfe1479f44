"""Leader: the one program of a schema that cleans up after all."""

from __future__ import annotations

import asyncio

import psycopg

from runtime.engines.queue.sql.postgres.cleaning import Cleaning
from runtime.engines.queue.sql.postgres.lengths import Fold
from runtime.engines.queue.sql.postgres.session import Session
from runtime.engines.sql.postgres.errors import message
from runtime.engines.sql.postgres.settings import Settings
from runtime.loggers import logger
from runtime.service import StartError, Unavailable

log = logger("runtime.queue")

CLEANING_INTERVAL = 10.0
"""Seconds between two looks at what has to be vacuumed."""
_LOCK = b"SELECT pg_try_advisory_lock(hashtextextended($1, 0))"


class Leader:
    """Leads while its session holds a lock, which ends with it. All that it does is safe when two
    do it.
    """

    def __init__(self, settings: Settings, id: str) -> None:
        self._schema = ""
        self._fold: Fold | None = None
        self._settings = settings
        self._id = id
        self._leads = False
        self._clean_at = 0.0
        self._cleaning: asyncio.Task[None] | None = None

    def begin(self, schema: str) -> None:
        """Lead nobody yet: the session is a new one."""
        self._leads = False
        self._fold = Fold(schema)
        if schema != self._schema:
            self._schema = schema
            self._cleaner = Cleaning(self._settings, schema, self._id)

    async def lead(self, session: Session) -> None:
        """Try to become the leader; as such, fold the lengths, and begin to clean now and then."""
        if not self._leads:
            ((self._leads,),) = await session.query(_LOCK, f"runtime queues {self._schema}")
        if not self._leads:
            return
        assert self._fold is not None
        await self._fold(session)
        loop = asyncio.get_running_loop()
        if self._cleaning is None and loop.time() >= self._clean_at:
            self._clean_at = loop.time() + CLEANING_INTERVAL
            self._cleaning = loop.create_task(self._clean())

    def close(self) -> None:
        if self._cleaning is not None:
            self._cleaning.cancel()

    async def _clean(self) -> None:
        # On a connection of its own: a vacuum may take longer than a lease.
        try:
            await self._cleaner.run()
        except psycopg.Error as error:
            self._warn(message(error))
        except (Unavailable, StartError) as error:
            self._warn(str(error))
        finally:
            self._cleaning = None

    def _warn(self, why: str) -> None:
        log.warning("%s: no cleaning up: %s", self._id, why, extra={"entry": self._id})
