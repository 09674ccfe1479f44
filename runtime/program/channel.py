"""Channel: the worker's end of the socket to its parent: reports go out, requests come in."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

Operation = Callable[..., Awaitable[Any]]

_SIZE = 65_536


class Channel:
    """Writes lines without ever waiting for the parent. Any thread may send."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lock = threading.Lock()
        self._unsent = bytearray()
        self._received = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, word: str, text: str = "", *, droppable: bool = False) -> None:
        """Send a line. One that is `droppable` is left out while an earlier one is on its way."""
        with self._lock:
            self._flush()
            if droppable and self._unsent:
                return
            self._unsent += f"{word} {text}".rstrip().encode() + b"\n"
            self._flush()

    @property
    def is_clear(self) -> bool:
        """True if all that was sent is on its way; from any thread."""
        with self._lock:
            self._flush()
            return not self._unsent

    def serve(self, loop: asyncio.AbstractEventLoop, operations: Mapping[str, Operation]) -> None:
        """Do on the loop what the parent asks for, until the parent ends."""

        def receive() -> None:
            try:
                data = self._socket.recv(_SIZE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                loop.remove_reader(self._socket)
                return
            self._received.extend(data)
            *lines, rest = self._received.split(b"\n")
            self._received = bytearray(rest)
            for line in lines:
                task = loop.create_task(self._answer(bytes(line), operations))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        loop.add_reader(self._socket, receive)

    async def _answer(self, line: bytes, operations: Mapping[str, Operation]) -> None:
        number, name, arguments = msgspec.json.decode(line, type=tuple[int, str, dict[str, Any]])
        self.send("began", str(number))
        try:
            if name not in operations:
                raise LookupError(f"there is no operation '{name}'")
            answer = [number, 200, await operations[name](**arguments)]
        except LookupError as error:
            answer = [number, 404, str(error.args[0]) if error.args else ""]
        except ValueError as error:
            answer = [number, 400, str(error)]
        except Exception as error:
            answer = [number, 500, f"{type(error).__name__}: {error}"]
        self.send("answer", msgspec.json.encode(answer).decode())

    def _flush(self) -> None:
        while self._unsent:
            try:
                sent = self._socket.send(self._unsent, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return
            except OSError:  # the parent has gone
                self._unsent.clear()
                return
            del self._unsent[:sent]
