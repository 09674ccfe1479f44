"""Lengths: how many messages `max_length` counts in each queue, as this program knows it."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.engines.queue.sql.postgres.arrays import Texts
from runtime.engines.queue.sql.postgres.columns import qualify
from runtime.engines.queue.sql.postgres.session import Session

_SUMS = """
SELECT t.queue, (SELECT coalesce(sum(l.change), 0)::bigint FROM $schema.runtime_length l
    WHERE l.queue = t.queue) FROM unnest($1::text[]) AS t(queue)
"""
_MANY = "SELECT count(*) FROM (SELECT 1 FROM $schema.runtime_length LIMIT 64) AS changes"
_FOLD = """
WITH gone AS (DELETE FROM $schema.runtime_length RETURNING queue, change)
INSERT INTO $schema.runtime_length
SELECT queue, sum(change) FROM gone GROUP BY queue HAVING sum(change) <> 0
"""


class Lengths:
    """An estimate: the last sum of a queue's changes, and what was published since.

    It is too high after settlements, so the sum is read again before a queue is called full. It is
    too low by what other programs have published, and transactions not yet committed: `forget` is
    called once a second, and bounds by how much.
    """

    def __init__(self, schema: str) -> None:
        self._sums = qualify(_SUMS, schema)
        self._known: dict[str, int] = {}

    async def read(self, session: Session, more: Mapping[str, tuple[int, int]]) -> dict[str, int]:
        """The lengths of queues, each with the number of messages that it may get, and its limit.

        The caller changes what it is given.
        """
        known = self._known
        stale = [
            queue
            for queue, (count, limit) in more.items()
            if (length := known.get(queue)) is None or length + count > limit
        ]
        if stale:
            known.update(await session.query(self._sums, Texts(stale)))
        return known

    def forget(self) -> None:
        """Read each sum again before it is used."""
        self._known.clear()


class Fold:
    """Sums up the changes of all queues, once there are many. Right in every snapshot."""

    def __init__(self, schema: str) -> None:
        self._many = qualify(_MANY, schema)
        self._fold = qualify(_FOLD, schema)

    async def __call__(self, session: Session) -> None:
        ((count,),) = await session.query(self._many)
        if count >= 64:
            await session.command(self._fold)
