"""Child: the main function of a process that calls one handler, again and again."""

from __future__ import annotations

import contextvars
import importlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from runtime.engines.process_pool.channel import Channel
from runtime.engines.process_pool.failure import Failure
from runtime.engines.process_pool.remote import (
    Caller,
    Limits,
    PipeLog,
    RemoteContext,
    RemoteDelivery,
    RemoteQueue,
    RemoteSettlement,
    name_of,
)
from runtime.engines.queue.blocking import BlockingDelivery, BlockingQueue
from runtime.engines.queue.message import NO_HEADERS
from runtime.handlers import package, unawaited
from runtime.handlers.arguments.origin import by_position
from runtime.handlers.context import Call, Subject, current, log_origin
from runtime.handlers.parent import ending_with
from runtime.log.records import install


def main(descriptor: int, parent: int) -> None:
    """Serve the application at the other end of a socket until that is closed."""
    ending_with(parent)()
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all, and the application drains
        signal.signal(number, lambda number, frame: None)
    try:
        Child(socket.socket(fileno=descriptor)).serve()
    except (EOFError, OSError):
        os._exit(0)  # also if a handler has left a thread behind


class Child:
    """The handler's side of a channel."""

    def __init__(self, end: socket.socket) -> None:
        self._channel = Channel(end, name_of, self._find)
        self._asking = threading.Lock()
        self._delivery: RemoteDelivery | None = None

    def serve(self) -> None:
        """Load the handler, then call it until the other end is closed."""
        entry, module, method, level = self._channel.receive()
        package.find_in_children()
        unawaited.watch()
        log: Any = PipeLog(self._channel.send, level)
        install(log, log_origin)
        scope = RemoteContext(self._ask, log)
        try:
            function = by_position(getattr(importlib.import_module(module), method))
        except BaseException as error:
            return self._channel.send("failed", Failure(error))
        self._channel.send("ready")
        while True:
            ids, has_client, message = self._channel.receive()
            subject = self._subject(ids, has_client, message)
            call = partial(self._call, Call(entry, scope, subject), function)
            contextvars.Context().run(call, self._channel.receive_packed())

    def _subject(self, ids: Any, has_client: bool, message: Any) -> Subject:
        self._delivery = None
        if message is None:
            return Caller(ids, has_client)
        settlement: Any = RemoteSettlement(Limits(message[1]))
        self._delivery = RemoteDelivery(
            message[0], settlement, ask=self._ask, tell=self._channel.send
        )
        return self._delivery

    def _call(self, call: Call, function: Callable[..., Any], data: bytes) -> None:
        current.set(call)
        try:
            result = function(*self._channel.unpack(data))
            if call.forgotten is not None:
                raise call.forgotten
        except BaseException as error:
            return self._channel.send("error", Failure(error))
        try:
            packed = self._channel.pack(("result", result))
        except Exception as error:
            text = f"what it returned cannot be sent from its process: {error}"
            return self._channel.send("unsent", text)
        self._channel.send_packed(packed)

    def _ask(self, *question: Any) -> Any:
        with self._asking:
            self._channel.send("ask", *question)
            answer, failure = self._channel.receive()
        if failure is not None:
            raise failure.error
        return answer

    def _find(self, name: Any) -> Any:
        match name:
            case ["no headers"]:
                return NO_HEADERS
            case ["message", bool(is_blocking)]:
                return BlockingDelivery(self._delivery) if is_blocking else self._delivery  # type: ignore[arg-type]
            case ["queue", id, max_attempts, bool(is_blocking)]:
                queue = RemoteQueue(id, max_attempts, self._ask)
                return BlockingQueue(queue) if is_blocking else queue
        raise LookupError(name)
