"""Firing: publishes a message for a planned time, once for all programs that try."""

from __future__ import annotations

from typing import Any

from psycopg.types.numeric import Int8

from runtime.engines.queue.sql.columns import micros
from runtime.engines.queue.sql.operations import FIRED_FOR, Fire
from runtime.engines.queue.sql.postgres.columns import qualify
from runtime.engines.queue.sql.postgres.publishing import Publishing
from runtime.engines.queue.sql.postgres.session import Session

_FIRE = "INSERT INTO $schema.runtime_fired VALUES ($1, $2) ON CONFLICT DO NOTHING"
_FORGET = "DELETE FROM $schema.runtime_fired WHERE schedule = $1 AND at < $2"


class Firing:
    """The time and the message are committed together."""

    def __init__(self, schema: str, publishing: Publishing) -> None:
        self._fire = qualify(_FIRE, schema)
        self._forget = qualify(_FORGET, schema)
        self._publishing = publishing

    async def __call__(self, session: Session, item: Fire) -> Any:
        """Inside a transaction. Returns the message's id, None, or an error, which undoes all."""
        at = micros(item.at)
        if not await session.command(self._fire, item.schedule, Int8(at)):
            return None
        await session.command(self._forget, item.schedule, Int8(at - micros(FIRED_FOR)))
        (answer,) = await self._publishing(session, [item.publish])
        return answer
