"""Channel: objects between a program and a process of its own, in both directions."""

from __future__ import annotations

import io
import pickle
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

_LENGTH = struct.Struct("!Q")
_CHUNK = 1 << 20

Name = Callable[[Any], Any]
"""Returns a name for an object that the other side has a counterpart of; None for all others."""
Find = Callable[[Any], Any]
"""Returns the counterpart of an object by its name."""


class Channel:
    """One end of a pair of sockets. Any thread may send, one at a time receives."""

    def __init__(self, end: socket.socket, name: Name, find: Find) -> None:
        self._end = end
        self._name = name
        self._find = find
        self._sending = threading.Lock()

    def pack(self, value: Any) -> bytes:
        """The value as `send_packed` takes it. Raises whatever its classes do."""
        buffer = io.BytesIO()
        pickler = _Pickler(buffer, pickle.HIGHEST_PROTOCOL)
        pickler.name = self._name
        pickler.dump(value)
        return buffer.getvalue()

    def send_packed(self, data: bytes) -> None:
        """Raises OSError once the other end is gone."""
        with self._sending:
            self._end.sendall(_LENGTH.pack(len(data)))
            self._end.sendall(data)

    def send(self, *values: Any) -> None:
        """Send values that can be pickled."""
        self.send_packed(self.pack(values))

    def receive_packed(self) -> bytearray:
        """A value as the other end packed it. Raises EOFError once that is gone."""
        return self._read(_LENGTH.unpack(self._read(_LENGTH.size))[0])

    def unpack(self, data: bytes | bytearray) -> Any:
        """The value. Raises whatever its classes do."""
        _here.find = self._find
        return pickle.loads(data)

    def receive(self) -> Any:
        """The next values."""
        return self.unpack(self.receive_packed())

    def close(self) -> None:
        self._end.close()

    def _read(self, count: int) -> bytearray:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            try:
                size = self._end.recv_into(view, min(len(view), _CHUNK))
            except OSError:  # reset, with something of ours unread
                size = 0
            if not size:
                raise EOFError
            view = view[size:]
        return data


_here = threading.local()


def _counterpart(name: Any) -> Any:
    return _here.find(name)


class _Pickler(pickle.Pickler):
    name: Name

    def reducer_override(self, value: Any) -> Any:
        """Called for objects of all but the plain types: a `persistent_id` would cost each one."""
        name = self.name(value)
        return NotImplemented if name is None else (_counterpart, (name,))
