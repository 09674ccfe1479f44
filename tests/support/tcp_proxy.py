"""A TCP proxy between two programs that delays, holds back and resets what it passes on."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

CHUNK = 1 << 16
MOST_CHUNKS = 64
"""Chunks of one direction that are under way before the sender is held up."""

RESET = struct.pack("ii", 1, 0)
"""The SO_LINGER that makes a close a reset."""


class TcpProxy:
    """Passes connections to its `port` on 127.0.0.1 on to another, on a loop and thread of its own.

    `delay` is in seconds for each direction; a change holds for what comes after it.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.delay = 0.0
        self._target = (host, port)
        self._pairs: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._passing.set()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def hold(self) -> None:
        """Be a black hole: connections stay, new ones open, and nothing passes until `release`."""
        self._call(self._passing.clear)

    def release(self) -> None:
        """Pass on what was held back, as TCP does when packets come through again."""
        self._call(self._passing.set)

    def reset(self) -> None:
        """Break all connections, on both sides at once."""
        self._call(self._reset)

    def close(self) -> None:
        self.reset()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, function: Callable[[], object]) -> None:
        async def called() -> None:
            function()

        self._do(called())

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs.add(task)
        writers = [writer]
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection(*self._target)
            writers.append(back)
            self._writers.add(back)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, back))
                both.create_task(self._pass(there, writer))
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            pass  # either side has gone: so does the other, in `finally`
        finally:
            self._pairs.discard(task)
            for each in writers:
                self._writers.discard(each)
                each.close()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MOST_CHUNKS)

        async def read() -> None:
            data = b"-"
            while data:
                data = await source.read(CHUNK)
                await chunks.put((self._loop.time() + self.delay, data))

        async with asyncio.TaskGroup() as both:
            both.create_task(read())
            while True:
                due, data = await chunks.get()
                if (wait := due - self._loop.time()) > 0:
                    await asyncio.sleep(wait)
                await self._passing.wait()
                if not data:
                    break
                target.write(data)
                await target.drain()
        target.write_eof()

    def _reset(self) -> None:
        for writer in self._writers:
            plug = writer.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        for pair in self._pairs:
            pair.cancel()
        if self._pairs:
            await asyncio.wait(self._pairs)
