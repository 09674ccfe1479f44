"""NatsQueue: the messages of one queue, in a stream of its own.

The subjects of a stream are `live.in` for what is published, bounded by `max_length`,
`live.letter.…` for dead letters of other queues, which always find room, and `dead.ID` for its own.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import quote

from runtime.clock import Clock
from runtime.engines.queue.driver_queue import (
    DriverQueue,
    Full,
    NotHeld,
    PartialInfo,
    requeue_elsewhere,
)
from runtime.engines.queue.message import Message, next_id
from runtime.engines.sql.contract import JoinableTransaction
from runtime.service import StartError, Unavailable
from runtime_nats.envelope import decode, encode
from runtime_nats.session import IN_USE, NOT_FOUND, Refused, Session, Settings
from runtime_nats.subscription import NatsSubscription

WORKERS = "workers"
"""The name of the durable consumer that all programs share."""


class Driver(Protocol):
    """The driver, as its queues use it."""

    settings: Settings
    clock: Clock

    @property
    def session(self) -> Session: ...


def token(text: str) -> str:
    """A text as one token of a subject: `a.b c` is `a=2Eb=20c`."""
    return quote(text, safe="").replace("%", "=").replace(".", "=2E").replace("~", "=7E")


class NatsQueue:
    def __init__(self, driver: Driver, name: str, max_length: int) -> None:
        self.name = name
        self.max_length = max_length
        self.time = driver.clock.time
        self.wait = driver.settings.wait
        self.stream = f"{driver.settings.prefix}-{token(name)}"
        self.subject = f"{driver.settings.prefix}.{token(name)}"
        self.next = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{WORKERS}"
        self.subscriptions: set[NatsSubscription] = set()
        self.away: dict[int, float] = {}
        """When what was given back with a delay comes again, by its place in the stream."""
        self._driver = driver
        self._declared: tuple[Session, int] | None = None

    async def declared(self) -> Session:
        session = self._driver.session
        if self._declared != (session, self.max_length):
            try:
                await self.declare(session)
            except StartError as error:  # it was added while the driver runs
                raise Unavailable(str(error)) from None
        return session

    async def declare(self, session: Session) -> None:
        """Make stream and consumer, or give them the present options. Raises StartError."""
        settings, max_length = self._driver.settings, self.max_length
        stream: dict[str, Any] = {
            "name": self.stream,
            "subjects": [f"{self.subject}.>"],
            "retention": "workqueue",
            "storage": "file",
            "num_replicas": settings.replicas,
            "discard": "new",
            "discard_new_per_subject": True,
            "max_msgs_per_subject": max_length,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_consumers": -1,
        }
        workers = {
            "durable_name": WORKERS,
            "filter_subject": f"{self.subject}.live.>",
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": round(settings.lease * 1e9),
            "max_ack_pending": -1,
            "max_deliver": -1,
            "max_waiting": 4096,
        }
        try:
            try:
                await session.call(f"STREAM.CREATE.{self.stream}", **stream)
            except Refused as refused:
                if refused.code != IN_USE:
                    raise
                await session.call(f"STREAM.UPDATE.{self.stream}", **stream)
            path = f"CONSUMER.DURABLE.CREATE.{self.stream}.{WORKERS}"
            await session.call(path, stream_name=self.stream, config=workers)
        except Refused as refused:
            raise StartError(f"queue '{self.name}' cannot be made: {refused}") from None
        self._declared = session, max_length

    async def publish(
        self,
        message: Message,
        delay: float = 0.0,
        transaction: JoinableTransaction | None = None,
        counts_running: bool = False,
    ) -> str:
        if transaction is not None or message.unique is not None or message.priority:
            raise ValueError(
                f"queue '{self.name}' is in JetStream, which has no transactions, unique keys and "
                "priorities; give it a driver of kind queue.driver.sql"
            )
        await self.move(message, due=self.time() + delay if delay > 0 else None)
        return message.id

    async def move(self, message: Message, attempts: int = 0, due: float | None = None) -> None:
        """Publish a message that was delivered so often. Raises Full."""
        session = await self.declared()
        headers = encode(message, attempts, due)
        try:
            await session.publish(f"{self.subject}.live.in", message.body, headers)
        except Full:
            text = f"queue '{self.name}' is full ({self.max_length})"
            raise Full(text, self.max_length) from None

    async def publish_dead_letter(self, message: Message) -> None:
        subject = f"{self.subject}.live.letter.{next_id()}"
        await (await self.declared()).publish(subject, message.body, encode(message))

    async def keep(self, letter: Message) -> None:
        """Publish a dead letter of this queue to where it is kept."""
        subject = f"{self.subject}.dead.{token(letter.id)}"
        await (await self.declared()).publish(subject, letter.body, encode(letter))

    def subscribe(self, prefetch: int) -> NatsSubscription:
        subscription = NatsSubscription(self, prefetch)
        self.subscriptions.add(subscription)
        return subscription

    async def info(self) -> PartialInfo:
        """What other programs have in hand or gave back with a delay counts as ready."""
        # Not by the consumer's `num_pending`, which stays one too high at times (2.9.10).
        live = f"{self.subject}.live.>"
        session = await self.declared()
        told = await session.call(f"STREAM.INFO.{self.stream}", subjects_filter=live)
        unsettled = sum((told["state"].get("subjects") or {}).values())
        now = self.time()
        self.away = {seq: due for seq, due in self.away.items() if due > now}
        elsewhere = len(self.away) + sum(each.in_hand for each in self.subscriptions)
        dead = told["state"]["messages"] - unsettled
        return PartialInfo(max(0, unsettled - elsewhere), dead)

    async def dead_letters(self, limit: int = 100, died_in: str | None = None) -> Sequence[Message]:
        letters: list[Message] = []
        seq = 1
        while died_in is None and len(letters) < limit:
            letter = await self._letter(seq=seq, next_by_subj=f"{self.subject}.dead.>")
            if letter is None:
                break
            letters.append(letter)
            seq = letter.token + 1
        return letters

    async def count_dead_letters(self, died_in: str) -> int:
        return 0

    async def find_dead_letter(self, id: str, died_in: str | None = None) -> Message | None:
        if died_in is not None:
            return None
        return await self._letter(last_by_subj=f"{self.subject}.dead.{token(id)}")

    async def requeue(self, letter: Message, again: Message, to: DriverQueue) -> None:
        if await self._letter(seq=letter.token) is None:
            raise NotHeld(f"the dead letter '{letter.id}' is not there any more")
        await requeue_elsewhere(again, to)
        await self.drop(letter)

    async def drop(self, letter: Message) -> None:
        session = await self.declared()
        try:
            await session.call(f"STREAM.MSG.DELETE.{self.stream}", seq=letter.token)
        except Refused:
            raise NotHeld(f"the dead letter '{letter.id}' is not there any more") from None

    async def _letter(self, **which: Any) -> Message | None:
        session = await self.declared()
        try:
            told = await session.call(f"STREAM.MSG.GET.{self.stream}", **which)
        except Refused as refused:
            if refused.code == NOT_FOUND:
                return None
            raise Unavailable(f"the dead letters cannot be read: {refused}") from None
        stored = told["message"]
        lines = base64.b64decode(stored.get("hdrs", ""))
        headers = dict(line.split(": ", 1) for line in lines.decode().split("\r\n") if ": " in line)
        body = base64.b64decode(stored.get("data", ""))
        letter, _ = decode(headers, body, stored["seq"], f"{self.stream}-{stored['seq']}")
        return letter

    def attach(self) -> None:
        """Have the subscriptions receive: the driver runs."""
        for subscription in self.subscriptions:
            subscription.attach()

    async def detach(self, session: Session) -> None:
        """Have the subscriptions give back what they hold: the driver ends."""
        self._declared = None
        self.away.clear()
        await asyncio.gather(*(each.detach(session) for each in self.subscriptions))

    async def renew(self, session: Session) -> None:
        for subscription in [*self.subscriptions]:
            await subscription.renew(session)
