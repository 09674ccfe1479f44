"""Due: makes delayed messages ready, and deletes finished ones, in chunks that wait for nobody."""

from __future__ import annotations

from psycopg.types.numeric import Int8

from runtime import failpoint
from runtime.engines.queue.sql.operations import Promoted, Prune
from runtime.engines.queue.sql.postgres.check import Seen
from runtime.engines.queue.sql.postgres.columns import NOW, qualify
from runtime.engines.queue.sql.postgres.session import Session

CHUNK = 500
"""Most rows of one statement."""

_PROMOTE = f"""
UPDATE $schema.runtime_message SET state = 0
WHERE seq = ANY (ARRAY(
    SELECT seq FROM $schema.runtime_message WHERE state = 1 AND place <= {NOW}
    ORDER BY place LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING queue
"""
DUE_IN = f"""
SELECT (SELECT place FROM $schema.runtime_message WHERE state = 1 ORDER BY place LIMIT 1) - {NOW}
"""
_PRUNE = f"""
DELETE FROM $schema.runtime_message
WHERE seq = ANY (ARRAY(
    SELECT seq FROM $schema.runtime_message WHERE expires IS NOT NULL AND expires <= {NOW}
    ORDER BY expires LIMIT $1 FOR UPDATE SKIP LOCKED))
"""

_LOOK = f"""
SELECT seq, NULL FROM $schema.runtime_message WHERE owner = $1 AND cancelling AND state = 2
UNION ALL SELECT NULL, queue FROM $schema.runtime_pause
UNION ALL SELECT NULL, NULL FROM (SELECT FROM $schema.runtime_message
    WHERE expires IS NOT NULL AND expires <= {NOW} LIMIT 1) AS kept
"""


class Due:
    """Every program does this, each a part: rows that another one has locked are skipped."""

    def __init__(self, schema: str) -> None:
        self._promote = qualify(_PROMOTE, schema)
        self._due_in = qualify(DUE_IN, schema)
        self._prune = qualify(_PRUNE, schema)
        self._look = qualify(_LOOK, schema)

    async def promote(self, session: Session) -> Promoted:
        """Make messages ready that are due."""
        failpoint.point("queue.promote.before_commit")
        queues: set[str] = set()
        while rows := await session.query(self._promote, Int8(CHUNK)):
            queues.update(queue for (queue,) in rows)
            if len(rows) < CHUNK:
                break
        return Promoted(queues, await self.due_in(session))

    async def due_in(self, session: Session) -> float | None:
        """Seconds until the next delayed message is due; None if there is none."""
        ((wait,),) = await session.query(self._due_in)
        return None if wait is None else max(0.0, wait / 1_000_000)

    async def look(self, session: Session, owner: int) -> Seen:
        """Find what is asked of that owner, and of all."""
        rows = await session.query(self._look, Int8(owner))
        return Seen(
            is_to_prune=(None, None) in rows,
            cancelling=[seq for seq, _ in rows if seq is not None],
            paused=[queue for _, queue in rows if queue is not None],
        )

    async def prune(self, session: Session, item: Prune) -> int:
        """Delete messages that were kept after their end. Returns how many."""
        return await session.command(self._prune, Int8(item.limit))
