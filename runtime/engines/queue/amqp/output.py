"""Output: the frames of one turn of the event loop, written together."""

from __future__ import annotations

import asyncio

from pika.connection import Connection


class Output:
    """Each write to a socket costs as much as the message in it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._frames: list[bytes] = []
        self._call_soon = asyncio.get_running_loop().call_soon

    def add(self, frames: bytes) -> None:
        """Write complete frames at the end of this turn, or with `flush`."""
        if not self._frames:
            self._call_soon(self.flush)
        self._frames.append(frames)

    def flush(self) -> None:
        """Write what was added; before what must come after it. A lost connection forgets it."""
        if self._frames:
            frames = b"".join(self._frames)
            self._frames.clear()
            if self._connection.is_open:
                # The public methods write each frame for itself.
                self._connection._output_marshaled_frames([frames])
