"""Reading: counts and letters, by the database's own pool: no claim waits for a long count."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.columns import decode_headers, from_micros
from runtime.engines.queue.sql.postgres.columns import decode_key, qualify
from runtime.engines.sql.postgres.database import Database

_OF_QUEUE = "count(*) FROM $schema.runtime_message WHERE queue = :queue AND state"
_PARKED = """
SELECT count(*) FROM $schema.runtime_parked p JOIN $schema.runtime_message m USING (seq)
WHERE p.queue = :queue AND m.queue = :queue AND m.state = -1
"""
# One by one, since each state has an index of its own.
_COUNT = f"""
SELECT (SELECT {_OF_QUEUE} = 0) + ({_PARKED}) AS ready, (SELECT {_OF_QUEUE} = 1) AS delayed,
    (SELECT {_OF_QUEUE} = 2) AS in_flight, (SELECT {_OF_QUEUE} = 3) AS dead
"""
_LAST_FIRED = "SELECT max(at) AS at FROM $schema.runtime_fired WHERE schedule = :schedule"
_LETTERS = """
SELECT id, body, headers, published, token, priority, unique_key FROM $schema.runtime_message
"""
_OWN = "WHERE queue = :queue AND died_in IS NOT NULL AND state = 3"
_RECEIVED = "WHERE queue = :queue AND died_in = :died_in AND died_in IS NOT NULL AND state < 3"


class Reading:
    """Reads what is committed, whatever the caller's transaction is."""

    def __init__(self, schema: str, database: Database) -> None:
        def text(statement: str) -> str:
            return qualify(statement, schema).decode()

        self._database = database
        self._count = text(_COUNT)
        self._own = text(f"{_LETTERS} {_OWN} ORDER BY queue, seq LIMIT :limit")
        self._received = text(f"{_LETTERS} {_RECEIVED} ORDER BY queue, died_in, seq LIMIT :limit")
        count = f"SELECT count(*) AS n FROM $schema.runtime_message {_RECEIVED}"
        self._count_received = text(count)
        self._last_fired = text(_LAST_FIRED)
        self._find_own = text(f"{_LETTERS} {_OWN} AND id = :id LIMIT 1")
        self._find_received = text(f"{_LETTERS} {_RECEIVED} AND id = :id AND state < 2 LIMIT 1")

    async def count(self, queue: str) -> Info:
        (row,) = await self._database.query(self._count, {"queue": queue})
        return Info(**row)

    async def letters(self, queue: str, died_in: str | None, limit: int) -> Sequence[Message]:
        """The oldest ones."""
        if died_in is None:
            return await self._read(self._own, queue=queue, limit=limit)
        return await self._read(self._received, queue=queue, died_in=died_in, limit=limit)

    async def count_letters(self, queue: str, died_in: str) -> int:
        values = {"queue": queue, "died_in": died_in}
        (row,) = await self._database.query(self._count_received, values)
        return int(row["n"])

    async def last_fired(self, schedule: str) -> float | None:
        """The latest planned time of a schedule that was fired."""
        (row,) = await self._database.query(self._last_fired, {"schedule": schedule})
        return from_micros(row["at"])

    async def find(self, queue: str, died_in: str | None, id: str) -> Message | None:
        """The letter of that id, unless it is in flight."""
        if "\0" in id:
            return None
        if died_in is None:
            letters = await self._read(self._find_own, queue=queue, id=id)
        else:
            letters = await self._read(self._find_received, queue=queue, died_in=died_in, id=id)
        return letters[0] if letters else None

    async def _read(self, text: str, **values: object) -> Sequence[Message]:
        return [
            Message(
                id, body, decode_headers(headers), 0, published, token, priority, decode_key(key)
            )
            for id, body, headers, published, token, priority, key in (
                row.values() for row in await self._database.query(text, values)
            )
        ]
