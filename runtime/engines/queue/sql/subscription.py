"""SqlSubscription: a consumer's claimed messages of an SQL queue, and their settlement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from runtime import failpoint
from runtime.engines.queue.driver_queue import DriverQueue, Ending, NotHeld, requeue_elsewhere
from runtime.engines.queue.limits import Limits
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.claims import Claims
from runtime.engines.queue.sql.operations import (
    Ack,
    Bury,
    Cancel,
    Done,
    Note,
    Release,
    Requeue,
    Retry,
    Settle,
)
from runtime.engines.queue.sql.settler import SqlQueue
from runtime.engines.queue.tracked_queue import CANCELLED_FOR, nobody, nothing
from runtime.engines.sql.contract import JoinableTransaction
from runtime.engines.sql.inline_future import InlineFuture
from runtime.loggers import logger
from runtime.service import Unavailable

log = logger("runtime.queue")


class SqlSubscription:
    """Settles what its `Claims` hold.

    Messages that were claimed and not received are given back by `close`, and when the tasks take
    longer than they did: for an idle consumer, and for messages of a higher priority.
    """

    settles_in_background = True

    def __init__(self, queue: SqlQueue, prefetch: int, limits: Limits | None = None) -> None:
        self.partitions = limits and limits.partitions
        self._queue = queue
        self._driver = queue.driver
        self._store = queue.driver.store
        self._claims = claims = Claims(queue, prefetch, self._on_late, limits)
        self.take = claims.take
        self.receive = claims.receive
        self.wake = claims.wake
        self.lease_expired = claims.forget_ahead
        self._held = claims.held
        self._giving_back: asyncio.Task[None] | None = None
        self.on_cancel: Callable[[str], None] = nobody
        self.unwritten: Callable[[Message], str | None] = nothing

    def give_back(self) -> None:
        """Give back what was claimed ahead."""
        if self._claims.ahead:
            ahead = [*self._claims.ahead]
            self._claims.ahead.clear()  # at once, so that nobody receives it
            self._claims.giving_back += 1
            self._giving_back = asyncio.create_task(self._give_back(ahead, self._giving_back))

    @property
    def asking_since(self) -> float | None:
        return self._claims.asking_since

    @property
    def at_once(self) -> int:
        return self._claims.at_once

    @at_once.setter
    def at_once(self, count: int) -> None:
        self._claims.at_once = count

    async def ack(self, message: Message, transaction: JoinableTransaction | None = None) -> None:
        await self.finish(message, None, transaction)

    async def finish(
        self,
        message: Message,
        result: bytes | None,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        item = self._end(message, result)
        if transaction is None:
            return await self._settle(message, item)
        try:
            await self._store.settle_in(transaction, item)
        except NotHeld:
            self._claims.drop(message)
            raise
        self._store.after_commit(transaction, lambda: self._committed(message))

    def ack_nowait(self, message: Message) -> Ending | None:
        item = self._end(message, None)
        settled = InlineFuture()
        return settled if self._submit(message, item, self._store.settle_lazily, settled) else None

    def _end(self, message: Message, result: bytes | None) -> Ack | Done:
        seq, keep = self._seq(message), self._queue.retention
        if keep is None:
            return Ack(seq, message.token)
        return Done(seq, message.token, keep, result, self.unwritten(message))

    async def cancel(self, message: Message) -> None:
        await self._settle(message, self._cancelled(message))

    def _cancelled(self, message: Message) -> Cancel:
        keep = max(self._queue.retention or 0.0, CANCELLED_FOR)
        return Cancel(self._seq(message), message.token, keep, self.unwritten(message))

    def note(self, progress: Mapping[Message, str]) -> Ending | None:
        held = self._held
        notes = [Note(held[m], m.token, text) for m, text in progress.items() if m in held]
        try:
            noted = self._store.note(notes)
        except Unavailable:  # it is told again, or the message is redelivered
            return None
        noted.add_done_callback(_retrieve)
        return noted

    def cancel_held(self, seqs: Container[int], id: str | None = None) -> None:
        """Cancel those of these rows, or of that id, that are held: what was not received yet at
        once, of others `on_cancel` is told.
        """
        for message, seq in [*self._held.items()]:
            if seq in seqs or message.id == id:
                if message in self._claims.ahead:
                    self._claims.ahead.remove(message)
                    settled = asyncio.get_running_loop().create_future()
                    settled.add_done_callback(_retrieve)
                    self._submit(message, self._cancelled(message), self._store.settle, settled)
                else:
                    self.on_cancel(message.id)

    async def retry(self, message: Message, delay: float, error: str | None = None) -> None:
        await self._settle(message, Retry(self._seq(message), message.token, delay, error))
        if delay > 0:
            self._driver.schedule(delay)
        else:
            self._driver.notify(self._queue.name)

    async def release(self, messages: Sequence[Message]) -> None:
        held, ahead = self._held, self._claims.ahead
        # Messages claimed ahead are released too: else they would overtake the others.
        released = [message for message in (*messages, *ahead) if message in held]
        ahead.clear()
        items = [Release(held.pop(message), message.token) for message in released]
        await asyncio.gather(*map(self._release, released, items))
        failpoint.point("queue.release.after_commit")
        self._driver.notify(self._queue.name)

    async def _release(self, message: Message, item: Release) -> None:
        try:
            await self._store.settle(item)
        except NotHeld:
            return
        except Unavailable:
            self._driver.settle_later(item, message.id)

    async def bury(self, message: Message, dead_letter: Message, to: DriverQueue | None) -> None:
        seq = self._seq(message)
        if to is not None and getattr(to, "driver", None) is not self._driver:
            await to.publish_dead_letter(dead_letter)
            failpoint.point("queue.bury.after_accept")
            await self._settle(message, Ack(seq, message.token))
            return
        name = to.name if to is not None else None
        told = self.unwritten(message)
        item = Bury(seq, message.token, dead_letter.headers, name, dead_letter.died_in, told)
        await self._settle(message, item)
        if name is not None:
            self._driver.notify(name)

    async def requeue(
        self,
        message: Message,
        again: Message,
        to: DriverQueue,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        seq = self._seq(message)
        if getattr(to, "driver", None) is not self._driver:
            await requeue_elsewhere(again, to)
            failpoint.point("queue.requeue.after_accept")
            return await self.ack(message, transaction)

        def submit() -> asyncio.Future[Any]:
            limit: int = to.max_length  # type: ignore[attr-defined]
            item = Requeue(self._queue.name, again, message.token, to.name, limit, seq)
            return self._store.requeue(item, transaction)

        try:
            await (submit() if transaction else to.when_room(submit))  # type: ignore[attr-defined]
        except NotHeld:
            self._claims.drop(message)
            raise
        failpoint.point("queue.requeue.after_commit")

        def committed() -> None:
            self._claims.drop(message)
            self._driver.notify(to.name)

        if transaction is None:
            committed()
        else:
            self._store.after_commit(transaction, committed)

    async def close(self) -> None:
        if self in self._queue.subscriptions:
            self._queue.subscriptions.remove(self)
        await self._claims.close()
        if self._giving_back is not None:
            await asyncio.wait([self._giving_back])
        if self._claims.ahead:
            await self.release(())

    def _seq(self, message: Message) -> int:
        try:
            return self._held[message]
        except KeyError:
            raise NotHeld(f"message '{message.id}' was settled before") from None

    async def _settle(self, message: Message, item: Settle) -> None:
        settled: asyncio.Future[None] = asyncio.Future()
        if self._submit(message, item, self._store.settle, settled):
            await settled

    def _submit(
        self,
        message: Message,
        item: Settle,
        settle: Callable[[Settle], Ending],
        settled: asyncio.Future[None] | InlineFuture,
    ) -> bool:
        """Submit a settlement, which `settled` then ends as. False if it is left to the driver."""
        try:
            written = settle(item)
        except Unavailable:
            self._leave(message, item)
            return False
        self._claims.settling += 1

        def on_written(written: Ending) -> None:
            self._claims.settling -= 1
            error = None if written.cancelled() else written.exception()
            if error is None:
                self._committed(message)
            elif isinstance(error, Unavailable):
                self._leave(message, item)
                error = None
            elif isinstance(error, NotHeld):
                self._claims.drop(message)
            if settled.done():
                return  # its caller has gone
            if error is None:
                settled.set_result(None)
            else:
                settled.set_exception(error)

        written.add_done_callback(on_written)
        return True

    def _leave(self, message: Message, item: Settle) -> None:
        """Have the driver settle the message when the database is available again."""
        self._driver.settle_later(item, message.id)
        self._committed(message)

    def _committed(self, message: Message) -> None:
        failpoint.point("queue.settle.after_commit")
        self._claims.drop(message)

    def _on_late(self) -> None:
        """Give back what was claimed ahead: it waits for longer than was expected."""
        self._claims.pace.messages()  # measures anew
        self.give_back()

    async def _give_back(
        self, messages: Sequence[Message], before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await before
        try:
            await self.release(messages)
        except Exception as error:
            # They stay in flight until this program's lease ends.
            log.warning("%s: what was claimed ahead stays: %s", self._queue.name, error)
        finally:
            self._claims.giving_back -= 1
            self._claims.wake()


def _retrieve(settled: asyncio.Future[Any]) -> None:
    """Mark the error as retrieved, of what nobody waits for."""
    if not settled.cancelled():
        settled.exception()
