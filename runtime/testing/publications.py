"""Publications: the messages that the queues of an application accepted, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from runtime.engines.queue.message import Message
from runtime.engines.queue.queue import Queue
from runtime.engines.sql.contract import JoinableTransaction


class Publications:
    """Keeps each message from the moment at which it is accepted, or its transaction committed."""

    def __init__(self) -> None:
        self._messages: dict[str, list[Message]] = {}
        self._watched: list[object] = []

    def of(self, queue: str) -> list[Message]:
        """The messages that were published to the queue of that id."""
        return [*self._messages.get(queue, ())]

    def watch(self, queues: Iterable[Queue]) -> None:
        """Keep the messages of these queues from now on, unless that is done already."""
        for queue in queues:
            if not any(queue.driver_queue is each for each in self._watched):
                self._watched.append(queue.driver_queue)
                self._watch(queue)

    def _watch(self, queue: Queue) -> None:
        driver_queue = queue.driver_queue
        publish = driver_queue.publish
        messages = self._messages.setdefault(queue.id, [])

        async def publish_and_keep(
            message: Message,
            delay: float = 0.0,
            transaction: JoinableTransaction | None = None,
            counts_running: bool = False,
        ) -> str:
            # Kept before it is accepted: its consumer may be done with it when `publish` returns.
            if transaction is None:
                messages.append(message)
            try:
                id = await publish(message, delay, transaction, counts_running)
            except BaseException:
                if transaction is None:
                    messages.remove(message)
                raise
            if transaction is None and id != message.id:  # another message has its unique key
                messages.remove(message)
            elif transaction is not None and id == message.id:
                transaction.after_commit(lambda: messages.append(message))
            return id

        fire = getattr(driver_queue, "fire", None)

        async def fire_and_keep(schedule: str, at: float, message: Message) -> str | None:
            assert fire is not None
            id: str | None = await fire(schedule, at, message)
            if id == message.id and message not in messages:  # a driver may publish it itself
                messages.append(message)
            return id

        publish_many = getattr(driver_queue, "publish_many", None)

        async def publish_many_and_keep(
            many: Sequence[Message],
            delay: float = 0.0,
            transaction: JoinableTransaction | None = None,
        ) -> None:
            assert publish_many is not None
            if transaction is None:
                messages.extend(many)
            try:
                await publish_many(many, delay, transaction)
            except BaseException:
                if transaction is None:
                    refused = {message.id for message in many}
                    messages[:] = [each for each in messages if each.id not in refused]
                raise
            if transaction is not None:
                transaction.after_commit(lambda: messages.extend(many))

        # On the object: subscriptions ask for the driver's own class, which a wrapper is not.
        own: Any = driver_queue
        own.publish = publish_and_keep
        if fire is not None:
            own.fire = fire_and_keep
        if publish_many is not None:
            own.publish_many = publish_many_and_keep
