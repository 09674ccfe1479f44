"""Remote: what a function in a process of its own has of its application, by asking for it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pickle import PickleError
from typing import Any

import msgspec

from runtime.clock import REAL
from runtime.engines.process_pool.failure import Failure
from runtime.engines.queue.blocking import BlockingDelivery, BlockingQueue
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.message import NO_HEADERS
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.status import check_progress
from runtime.engines.store.contract import KeyValueStore
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext, call
from runtime.log.log import text_of

Ask = Callable[..., Any]
"""`ask(what, *values)` returns the application's answer. Raises what it raises."""


class NotInProcess(RuntimeError):
    """An entry that a function in a process of its own cannot use."""


class Caller(msgspec.Struct, frozen=True):
    """The reason for a call, as its process sees it."""

    log_ids: Mapping[str, object]
    has_client: bool

    def become_async(self) -> None:
        """Nothing to do: a coroutine does not leave its process."""


class Limits(msgspec.Struct, frozen=True):
    """The limits of a message's queue that a handler may ask for."""

    max_attempts: int


class RemoteSettlement(msgspec.Struct, frozen=True):
    queue: Limits


def asked_methods(of: type) -> list[str]:
    """The methods of a class that a process asks its application to call."""
    members = inspect.getmembers(of, inspect.iscoroutinefunction)
    return [name for name, _ in members if not name.startswith("_")]


STORE_METHODS = frozenset(asked_methods(KeyValueStore))


class RemoteQueue(Queue):
    """A queue whose methods the application calls."""

    def __init__(self, id: str, max_attempts: int, ask: Ask) -> None:
        self.id = id
        self.max_attempts = max_attempts
        self.consumers = 0
        self.refusals = _NoRefusals()  # type: ignore[assignment]
        self.ask = ask


class RemoteDelivery(Delivery):
    """The message of the call, which the application settles."""

    ask: Any = None
    tell: Any = None

    def progress(self, part: float, text: str | None = None) -> None:
        check_progress(part, text)
        self.tell("progress", part, text)


def _forward(of: type[Any], subject: Callable[[Any], tuple[Any, ...]]) -> None:
    for name in asked_methods(of):

        async def method(self: Any, *arguments: Any, _name: str = name, **named: Any) -> Any:
            return self.ask("call", subject(self), _name, arguments, named)

        method.__name__ = name
        setattr(of, name, method)


_forward(RemoteQueue, lambda queue: ("queue", queue.id))
_forward(RemoteDelivery, lambda delivery: ("message",))


class RemoteStore:
    """A store whose blocking methods the application calls."""

    def __init__(self, id: str, ask: Ask) -> None:
        self._id = id
        self._ask = ask
        self.blocking = self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in STORE_METHODS:
            raise AttributeError(f"a store has no '{name}'", name=name, obj=self)
        return lambda *arguments, **named: self._ask(
            "call", ("store", self._id), name, arguments, named
        )


class _NoRefusals:
    """The application logs it, when it answers."""

    def refused(self, error: Exception, entry: str, ids: Mapping[str, object]) -> None:
        pass


class PipeLog:
    """A log whose lines the application writes."""

    def __init__(self, send: Callable[..., None], level: int) -> None:
        self.level = level
        self._send = send

    def write(
        self,
        level: int,
        logger: str,
        message: object,
        entry: object = None,
        fields: Mapping[str, Any] | None = None,
        ids: Mapping[str, object] | None = None,
        error: BaseException | None = None,
        stack: str | None = None,
    ) -> None:
        """As `runtime.log.log.Log.write`. Raises nothing."""
        with suppress(OSError):  # the application is gone
            text = text_of(message, str)
            head = level, logger, text, None if entry is None else str(entry)
            tail = dict(ids or {}), None if error is None else Failure(error), stack
            try:
                self._send("log", *head, dict(fields or {}), *tail)
            except (TypeError, ValueError, AttributeError, PickleError):  # it has a text
                self._send(
                    "log", *head, {str(n): _plain(v) for n, v in (fields or {}).items()}, *tail
                )


def _plain(value: object) -> object:
    return value if isinstance(value, _PLAIN) else text_of(value)


_PLAIN = (int, float, bool, type(None))


class RemoteContext(ApplicationContext):
    """The application of a call, which its process asks about entries."""

    def __init__(self, ask: Ask, log: Any) -> None:
        super().__init__(REAL)
        self.log = log
        self._ask = ask
        self.fields: Any = _Fields(ask)
        self.loop = asyncio.new_event_loop()
        """Runs the coroutines of `runtime.modules.sync`, as the application's loop does there."""
        threading.Thread(target=self.loop.run_forever, name="asking", daemon=True).start()

    def id(self, text: str, within: str) -> EntryId:
        found: EntryId = self._ask("id", text, within)
        return found

    def component(self, text: str, within: str) -> Any:
        """The queue or the store of an entry. Raises NotInProcess for any other component."""
        id, kind, max_attempts = self._ask("component", text, within)
        if kind.startswith("store."):
            return RemoteStore(id, self._ask)
        if max_attempts is None:
            caller = call().entry
            raise NotInProcess(
                f"'{id}' ({kind}) cannot be used in the processes of '{caller}'; read and write in "
                "a function without 'processes', and pass what this one needs in its argument or "
                "its result"
            )
        return RemoteQueue(id, max_attempts, self._ask)


class _Fields(Mapping[EntryId, Mapping[str, Any]]):
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def __getitem__(self, id: EntryId) -> Mapping[str, Any]:
        fields: Mapping[str, Any] = self._ask("fields", id)
        return fields

    def __iter__(self) -> Iterator[EntryId]:
        return iter(self._ask("ids"))

    def __len__(self) -> int:
        return len(self._ask("ids"))


def name_of(value: Any) -> tuple[Any, ...] | None:
    """The name of an object of which each end of a channel has its own."""
    match value:
        case BlockingDelivery() | Delivery():
            return "message", isinstance(value, BlockingDelivery)
        case BlockingQueue():
            return "queue", value.id, value._queue.max_attempts, True
        case Queue():
            return "queue", value.id, value.max_attempts, False
    return ("no headers",) if value is NO_HEADERS else None
