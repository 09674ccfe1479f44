"""Tasks: single messages in a database, and queues that are paused, by any program that reaches it.

None of it needs a lease: a tool may use it beside the programs that hold some, or without any.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.engines.queue.backlog import Backlog
from runtime.engines.queue.sql.backlog import BACKLOG, backlog_of
from runtime.engines.queue.sql.columns import decode_headers, from_micros, micros
from runtime.engines.queue.sql.store import State
from runtime.engines.queue.status import Record
from runtime.engines.sql.contract import Database, Row, Transaction

ATTEMPTS = 3
"""Most attempts to cancel a message that goes from state to state meanwhile."""

_STATES = {
    State.PARKED: "ready",
    State.READY: "ready",
    State.DELAYED: "delayed",
    State.RUNNING: "running",
    State.DEAD: "dead",
    State.DONE: "done",
    State.CANCELLED: "cancelled",
}
_FIND = """
SELECT seq, id, state, attempt, published, started, place, headers, error, progress, result,
    cancelling
FROM $tables.runtime_message WHERE id = :id AND queue = :queue
    AND (expires IS NULL OR expires > $now)
"""
CANCEL = """
UPDATE $tables.runtime_message SET state = 5, owner = NULL, place = $now, expires = $now + :keep
WHERE id = :id AND queue = :queue AND state < 2 RETURNING seq
"""
REQUEST = """
UPDATE $tables.runtime_message SET cancelling = :yes, place = $now
WHERE id = :id AND queue = :queue AND state = 2 RETURNING seq
"""
_PAUSE = """
INSERT INTO $tables.runtime_pause (queue, since) VALUES (:queue, $now) ON CONFLICT DO NOTHING
"""
_RESUME = "DELETE FROM $tables.runtime_pause WHERE queue = :queue"
_PAUSED = "SELECT queue FROM $tables.runtime_pause"


class Cancelled(msgspec.Struct, frozen=True):
    """The effect of a cancellation."""

    record: Record | None
    is_running: bool = False
    """True if whoever has the message in hand is to be told."""
    made_room: bool = False


class Tasks(ABC):
    """The statements about single messages, in the SQL that the databases have in common."""

    now: str
    """Microseconds since 1970, in SQL."""
    length: str
    """The number of unfinished messages of `:queue`, in SQL."""
    lengthen: str
    """The statement that adds `:change` to it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @abstractmethod
    async def tables(self) -> str:
        """The schema that has the tables."""

    def times(self) -> dict[str, int]:
        """The parameters that `now` names."""
        return {}

    async def backlog(self, queue: str) -> Backlog:
        """How many messages a queue has, counted for who looks often."""
        text = (await self._text(BACKLOG)).replace("$length", await self._text(self.length))
        (row,) = await self._database.query(text, {"queue": queue, **self.times()})
        return backlog_of(row)

    async def find(self, queue: str, id: str) -> Record | None:
        """The message of that id in a queue, in any state; None if there is none."""
        ids = {"id": id, "queue": queue, **self.times()}
        rows = await self._database.query(await self._text(_FIND), ids)
        return _record(rows)

    async def cancel(self, queue: str, id: str, keep: float) -> Cancelled:
        """End the message of that id; one that was waiting is told of for `keep` seconds."""
        ids = {"id": id, "queue": queue, **self.times()}
        cancel, request = await self._text(CANCEL), await self._text(REQUEST)
        for _ in range(ATTEMPTS):
            async with self._database.transaction() as transaction:
                gone = await transaction.query(cancel, {**ids, "keep": micros(keep)})
                if gone:
                    await self._shorten(transaction, queue, len(gone))
                running = await transaction.query(request, {**ids, "yes": True})
                record = _record(await transaction.query(await self._text(_FIND), ids))
            is_waiting = record is not None and record.state in ("ready", "delayed")
            if not is_waiting:  # else somebody gave it back between two of these statements
                break
        return Cancelled(record, bool(running), bool(gone))

    async def pause(self, queue: str, paused: bool) -> None:
        """Pause a queue, or resume it."""
        await self._database.execute(
            await self._text(_PAUSE if paused else _RESUME), {"queue": queue, **self.times()}
        )

    async def paused(self) -> frozenset[str]:
        """The queues that are paused."""
        rows = await self._database.query(await self._text(_PAUSED))
        return frozenset(row["queue"] for row in rows)

    async def query(self, statement: str, values: Mapping[str, Any]) -> list[Row]:
        """The rows of a statement, in which `$tables` stands for the schema."""
        return await self._database.query(await self._text(statement), values)

    async def remove(self, statement: str, values: Mapping[str, Any], queue: str) -> int:
        """Delete unfinished messages of a queue by a statement; returns how many there were."""
        async with self._database.transaction() as transaction:
            result = await transaction.execute(await self._text(statement), values)
            if result.rows_affected:
                await self._shorten(transaction, queue, result.rows_affected)
        return result.rows_affected

    async def _shorten(self, transaction: Transaction, queue: str, count: int) -> None:
        """Take so many messages off the length of a queue."""
        values = {"queue": queue, "change": -count}
        await transaction.execute(await self._text(self.lengthen), values)

    async def _text(self, statement: str) -> str:
        return statement.replace("$tables", await self.tables()).replace("$now", self.now)


def _record(rows: list[Row]) -> Record | None:
    """The record of the latest row, if there is one."""
    if not rows:
        return None
    row = max(rows, key=lambda row: row["seq"])
    state = State(row["state"])
    place = from_micros(row["place"])
    return Record(
        id=row["id"],
        state=_STATES[state],
        attempt=row["attempt"],
        published=row["published"],
        started=from_micros(row["started"]) if row["attempt"] else None,
        due=place if state is State.DELAYED else None,
        ended=place if state >= State.DEAD else None,
        progress=row["progress"],
        error=row["error"],
        headers=decode_headers(row["headers"]),
        result=row["result"],
        cancelling=bool(row["cancelling"]),
    )
